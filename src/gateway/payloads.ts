import { cleanse, refuse, type Refusal } from '@playhead/contract';
import type { z } from 'zod';

/** A fault is described in about a line, whatever was sent. */
const MESSAGE_LENGTH_MAX = 200;

/** A payload that its schema takes, or what is wrong with it. */
export function parsePayload<Schema extends z.ZodType>(
  schema: Schema,
  payload: unknown,
): { readonly value: z.infer<Schema> } | { readonly refusal: Refusal } {
  const read = schema.safeParse(payload);
  if (read.success) return { value: read.data };
  const [issue] = read.error.issues;
  const path = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : (issue?.path ?? []);
  const field = path.join('.').slice(0, MESSAGE_LENGTH_MAX);
  const message = `${field || 'payload'}: ${issue?.message ?? 'not understood'}`;
  return { refusal: refuse('invalid', message.slice(0, MESSAGE_LENGTH_MAX), field || undefined) };
}

/** Binary parts and whatever else is no JSON are left as they are, for the schema to refuse. */
export function cleansed(payload: unknown): { value: unknown; replaced: number } {
  try {
    return cleanse(payload);
  } catch {
    return { value: undefined, replaced: 0 };
  }
}
