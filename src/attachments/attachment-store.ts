import type { Attachment } from '@playhead/contract';

/** What is known of an attachment that is stored. */
export type StoredAttachment = Pick<Attachment, 'hash' | 'type' | 'bytes'>;

/** Bytes as they come: all at once, or piece by piece, read no faster than they are stored. */
export type AttachmentBytes = Uint8Array | AsyncIterable<Uint8Array>;

/** How an attachment was put. */
export interface PutAttachment extends StoredAttachment {
  /** False when these bytes were there already; then `type` is that of whoever put them first. */
  readonly isNew: boolean;
}

/**
 * Bytes by their SHA-256, each stored once. What no session refers to is removed once it was put,
 * or renewed, longer ago than the grace time: so put or renew first, and append the event that
 * refers to it within that time.
 */
export interface AttachmentStore {
  /**
   * Stores bytes, in constant memory when they come in pieces. With `hash` they must have that one.
   * Throws `AttachmentRefused`, or what the bytes throw; then nothing of them can be read, unless
   * they were there before.
   */
  put(type: string, bytes: AttachmentBytes, hash?: string): Promise<PutAttachment>;
  find(hash: string): Promise<StoredAttachment | undefined>;
  /**
   * Bytes `from` to `through` (inclusive, from 0), in pieces. Throws when they are removed
   * meanwhile: what was given until then is not all.
   */
  read(hash: string, from: number, through: number): AsyncIterable<Buffer>;
  /** Lets the grace time of some begin again. Answers which of them are not stored. */
  renew(hashes: readonly string[]): Promise<readonly string[]>;
  /** The next ones by hash beyond `after`, '' for the first. */
  list(after: string, limit: number): Promise<readonly StoredAttachment[]>;
}

/** Why bytes were not stored. */
export class AttachmentRefused extends Error {
  constructor(
    readonly reason: 'too-large' | 'other-hash' | 'expired',
    message: string,
  ) {
    super(message);
    this.name = 'AttachmentRefused';
  }
}
