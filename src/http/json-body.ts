import { cleanse, TooDeep } from '@playhead/contract';
import type { z } from 'zod';
import { Problem } from './problem.ts';

/** Refuses what is no UTF-8: replaced bytes would make two bodies look like one. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A body's text. Throws `Problem` when there is none or when it is not UTF-8. */
export function textOf(body: unknown): string {
  if (!Buffer.isBuffer(body)) throw faulty('required');
  try {
    return utf8.decode(body);
  } catch {
    throw faulty('not UTF-8');
  }
}

/** A JSON text with what no store can hold replaced, and how much that was. Throws `Problem`. */
export function parseJson(text: string): { value: unknown; replaced: number } {
  try {
    return cleanse(JSON.parse(text) as unknown);
  } catch (failure) {
    throw faulty(failure instanceof TooDeep ? failure.message : 'not valid JSON');
  }
}

/** What a schema makes of a body. Throws `Problem` naming each field at fault. */
export function readBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
): { value: z.infer<Schema>; replaced: number } {
  const { value, replaced } = parseJson(textOf(body));
  const read = schema.safeParse(value);
  if (!read.success) throw Problem.ofIssues(read.error.issues);
  return { value: read.data, replaced };
}

const faulty = (message: string): Problem =>
  Problem.ofIssues([{ code: 'custom', path: [], message, input: undefined }]);
