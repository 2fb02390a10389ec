/*
 * The Postgres that `npm start` brings. Read `start.ts` first: it locks the data folder
 * (`folder-lock.ts`), stops what a killed service left running (`orphan.ts`), finds the programs
 * (`binaries.ts`) and the database cluster or makes it (`cluster.ts`), and starts it (`server.ts`)
 * at an address (`endpoint.ts`). `run-as.ts` is for root, as whom Postgres does not run;
 * `processes.ts` asks the system about a process. `free-disk-space.ts` warns before the disk is
 * full.
 */
export { DataFolderInUse } from './folder-lock.ts';
export { FreeDiskSpace, type DiskSpace } from './free-disk-space.ts';
export {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './start.ts';
