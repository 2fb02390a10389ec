import type { AttachmentStore } from '../attachments/attachment-store.ts';

/** What a copy of attachments came to. */
export interface CopiedAttachments {
  /** All that the source holds; the target has each of them. */
  readonly attachments: number;
  /** Those that were not there before. */
  readonly copiedAttachments: number;
}

/** Attachments that are listed at once. */
const PAGE = 1_000;

/**
 * Copies all attachments of one store into another, each checked by its hash. To be done after the
 * log was copied: an attachment is stored before the event that refers to it, so none is missing
 * then. What a copy that was broken off has left is gone on from.
 */
export async function copyAttachments(
  from: AttachmentStore,
  to: AttachmentStore,
): Promise<CopiedAttachments> {
  let [attachments, copiedAttachments, after] = [0, 0, ''];
  for (;;) {
    const page = await from.list(after, PAGE);
    const missing = new Set(await to.renew(page.map(({ hash }) => hash)));
    for (const { hash, type, bytes } of page) {
      after = hash;
      attachments += 1;
      if (!missing.has(hash)) continue;
      await to.put(type, bytes === 0 ? new Uint8Array() : from.read(hash, 0, bytes - 1), hash);
      copiedAttachments += 1;
    }
    if (page.length < PAGE) return { attachments, copiedAttachments };
  }
}
