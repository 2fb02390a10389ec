export { DataFolderInUse } from './folder-lock.ts';
export { FreeDiskSpace, type DiskSpace } from './free-disk-space.ts';
export {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './start.ts';
