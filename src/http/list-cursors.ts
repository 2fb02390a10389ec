import { z } from 'zod';
import type { Keyset } from '../projecting/keyset-page.ts';

/** Longest cursor: that of a list ordered by a time and two ids, all of them at their longest. */
const CURSOR_LENGTH_MAX = 4_000;

/** A keyset as clients pass it back. */
export const cursorOf = (keyset: Keyset): string =>
  Buffer.from(JSON.stringify(keyset)).toString('base64url');

/** A cursor of a list whose keysets are made of such values. */
export const cursor = <Schema extends z.ZodType<Keyset>>(keyset: Schema) =>
  z
    .string()
    .max(CURSOR_LENGTH_MAX)
    .transform((text, context): z.infer<Schema> => {
      const read = keyset.safeParse(parsed(text));
      if (read.success) return read.data;
      context.addIssue({ code: 'custom', message: 'is no cursor of this list' });
      return z.NEVER;
    });

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown;
  } catch {
    return undefined;
  }
}
