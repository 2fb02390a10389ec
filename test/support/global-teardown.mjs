import { rm } from 'node:fs/promises';

export default async function teardown() {
  const { postgres, dataDir } = globalThis.playheadTestPostgres ?? {};
  if (!postgres) return;
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
