// Holds an embedded Postgres as a service would, until SIGTERM. Arguments: data folder, and the
// folder of the launcher when it is not the one of this checkout.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dataDir, launcher = join(import.meta.dirname, '../../dist/src/embedded-postgres')] =
  process.argv.slice(2);
const { startEmbeddedPostgres } = await import(pathToFileURL(join(launcher, 'index.js')).href);

process.on('SIGINT', () => {});
try {
  const postgres = await startEmbeddedPostgres({ dataDir });
  process.on('SIGTERM', () => void postgres.stop().then(() => process.exit(0)));
  console.log(postgres.url);
  setInterval(() => {}, 1_000_000);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
