// Bundles the client and the React page, and serves the examples on the port given, or 8000.
import { fileURLToPath } from 'node:url';
import { context } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const pages = await context({
  entryPoints: [
    { in: '@playhead/client', out: 'playhead' },
    { in: `${here}react/page.tsx`, out: 'react' },
  ],
  outdir: `${here}dist`,
  absWorkingDir: here,
  bundle: true,
  format: 'esm',
  jsx: 'automatic',
});
const port = Number(process.argv[2] ?? 8000);
const served = await pages.serve({ servedir: here, host: '127.0.0.1', port });
const url = `http://127.0.0.1:${served.port}`;
console.log(`${url}/plain/#<session>,<key> and ${url}/react/#<key>`);
