// Holds an embedded Postgres on the data folder of its argument as a service would, until SIGTERM.
import { startEmbeddedPostgres } from '../../dist/src/embedded-postgres/index.js';

const [dataDir] = process.argv.slice(2);
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
