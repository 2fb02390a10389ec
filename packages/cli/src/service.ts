import { refusal } from '@playhead/contract';
import type { z } from 'zod';
import { Failure } from './failure.ts';

/** Until then the service must have answered. */
const ANSWER_MS = 30_000;

/** Where the service is and with which key it is asked. */
export interface ServiceOptions {
  readonly url: string;
  readonly key: string | undefined;
}

/**
 * Asks the service over HTTP and checks what it answers. Throws `Failure`: `usage` without a key,
 * `unreachable` when nothing answers or something that is no Playhead, else `refused`.
 */
export async function ask<Schema extends z.ZodType>(
  { url, key }: ServiceOptions,
  answer: Schema,
  path: string,
  body?: object,
): Promise<z.infer<Schema>> {
  if (!key) throw new Failure('usage', 'no key: pass --key or set PLAYHEAD_ADMIN_KEY');
  const { status, text } = await exchange(new URL(path, url), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value = parsed(text);
  const read = answer.safeParse(value);
  if (status < 300 && read.success) return read.data;
  const told = value as { detail?: unknown } | undefined;
  const refused = refusal.safeParse({ ...told, message: told?.detail });
  if (status < 400 || !refused.success) {
    throw new Failure('unreachable', `${url} does not answer like Playhead (HTTP ${status})`);
  }
  throw new Failure('refused', refused.data.message, refused.data);
}

async function exchange(
  url: URL,
  request: RequestInit,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const answer = await fetch(url, {
      ...request,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return { status: answer.status, text: await answer.text() };
  } catch (failure) {
    const { message, cause } = failure as Error;
    const reason = cause instanceof Error && cause.message ? cause.message : message;
    throw new Failure('unreachable', `cannot reach ${url.origin}: ${reason}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
