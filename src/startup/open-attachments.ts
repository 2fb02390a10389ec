import type { DataSource } from 'typeorm';
import { attachmentRefs } from '../../projections/attachment-refs.ts';
import type { AttachmentStore } from '../attachments/attachment-store.ts';
import { AttachmentCollector } from '../attachments/collector.ts';
import { PostgresAttachments } from '../attachments/postgres-attachments.ts';
import type { Limits } from '../config.ts';
import type { EventLog } from '../log/event-log.ts';
import type { CleanupStack } from './cleanup-stack.ts';

/** Opens the attachments of a database, and begins to remove those that nobody refers to. */
export function openAttachments(
  { database, log }: { readonly database: DataSource; readonly log: EventLog },
  limits: Limits,
  onFault: (fault: unknown) => void,
  cleanup: CleanupStack,
): AttachmentStore {
  const { name: projection, version } = attachmentRefs;
  const references = { projection, version, epoch: log.epoch, head: () => log.head() };
  const collector = new AttachmentCollector(database, references, limits, onFault);
  collector.start();
  cleanup.add(() => collector.stop());
  return new PostgresAttachments(database, limits);
}
