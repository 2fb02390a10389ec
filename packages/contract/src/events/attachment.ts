import * as z from 'zod';
// Apart from the schemas: folds run in pages, which should not have to load zod for them.
import {
  ATTACHMENT_NAME_MAX,
  ATTACHMENT_PREVIEW_MAX,
  ATTACHMENTS_MAX,
} from './attachment-limits.ts';
import { count } from './common.ts';

/** The SHA-256 of an attachment's bytes in hex: what it is stored and asked for under. */
export const attachmentHash = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hex');

const TOKEN = '[A-Za-z0-9!#$&^_.+-]+';
const PARAMETER = `${TOKEN}=(?:${TOKEN}|"[ !#-\\[\\]-~]*")`;

/** A media type such as `image/png` or `text/plain; charset=utf-8`. RFC 9110, 8.3.1. */
export const mediaType = z
  .string()
  .max(ATTACHMENT_NAME_MAX)
  .regex(new RegExp(`^${TOKEN}/${TOKEN}(?:; ?${PARAMETER})*$`), 'must be a media type');

/** Something too large for an event, or no text, that is stored once by the hash of its bytes. */
export const attachment = z.strictObject({
  hash: attachmentHash,
  type: mediaType,
  bytes: count,
  name: z.string().max(ATTACHMENT_NAME_MAX).optional(),
  /** The beginning of a text, or some words about what it is. */
  preview: z.string().max(ATTACHMENT_PREVIEW_MAX).optional(),
});
export type Attachment = z.infer<typeof attachment>;

/** An attachment as the service answers that it has it. */
export const storedAttachment = attachment.pick({ hash: true, type: true, bytes: true });

/** What one event refers to, in the order in which it names them. */
export const attachments = z.array(attachment).max(ATTACHMENTS_MAX);
