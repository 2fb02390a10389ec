// Measures: `npm run bench` all of it, `npm run bench -- append.log.256` what begins with a name.
import { build } from './build.mjs';

try {
  await build();
  const { runBenches } = await import('../dist/bench/support/run.js');
  await runBenches(process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
