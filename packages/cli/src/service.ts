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
  headers: Readonly<Record<string, string>> = {},
  answerMs = ANSWER_MS,
): Promise<z.infer<Schema>> {
  const service = { url, key: keyIn({ url, key }) };
  const { status, value } = await exchange(service, path, body, headers, answerMs);
  const read = answer.safeParse(value);
  if (status < 300 && read.success) return read.data;
  throw failureOf(url, status, value);
}

/** Why an answer is not what was asked for: a refusal, or it is not Playhead's at all. */
function failureOf(url: string, status: number, value: unknown): Failure {
  const problem = value as { detail?: unknown } | undefined;
  const refused = refusal.safeParse({ ...problem, message: problem?.detail });
  return status < 400 || !refused.success
    ? new Failure('unreachable', `${url} does not answer like Playhead (HTTP ${status})`)
    : new Failure('refused', refused.data.message, refused.data);
}

/** A file that the service has begun to send. */
export interface Download {
  readonly name: string;
  /** Throws when the rest of it does not come. */
  readonly content: ReadableStream<Uint8Array>;
}

/** The name in a header of the service's; nothing that leads to another folder. */
const FILE_NAME = /filename="(\w[\w.-]*)"/;

/** Asks the service for a file, however long that takes to send. Throws `Failure` as `ask` does. */
export async function download(options: ServiceOptions, path: string): Promise<Download> {
  const { url } = options;
  const headers = { authorization: `Bearer ${keyIn(options)}` };
  const answer = await fetch(new URL(path, url), { redirect: 'manual', headers }).catch(
    (failure: unknown) => {
      throw unreachable(url, failure);
    },
  );
  const { status, body } = answer;
  const name = FILE_NAME.exec(answer.headers.get('content-disposition') ?? '')?.[1];
  if (status === 200 && body && name !== undefined) return { name, content: body };
  throw failureOf(url, status, parsed(await answer.text()));
}

/**
 * Sends a file as it is read, and gives the lines of JSON that the service answers meanwhile.
 * Throws `Failure` as `ask` does.
 */
export async function* sendFile(
  options: ServiceOptions,
  path: string,
  body: ReadableStream,
  headers: Readonly<Record<string, string>>,
): AsyncGenerator<unknown> {
  const { url } = options;
  const request = {
    ...{ method: 'POST', redirect: 'manual' as const, body, duplex: 'half' as const },
    headers: { authorization: `Bearer ${keyIn(options)}`, ...headers },
  };
  const answer = await fetch(new URL(path, url), request).catch((failure: unknown) => {
    throw unreachable(url, failure);
  });
  if (answer.status !== 200 || !answer.body) {
    throw failureOf(url, answer.status, parsed(await answer.text()));
  }
  let rest = '';
  try {
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      const lines = `${rest}${piece}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield parsed(line);
    }
  } catch (failure) {
    throw unreachable(url, failure);
  }
}

function unreachable(url: string, failure: unknown): Failure {
  const { message, cause } = failure as Error;
  const reason = cause instanceof Error && cause.message ? cause.message : message;
  return new Failure('unreachable', `cannot reach ${new URL(url).origin}: ${reason}`);
}

/** The key that was given. Throws `Failure` `usage` when there is none. */
export function keyIn({ key }: ServiceOptions): string {
  if (key) return key;
  throw new Failure('usage', 'no key: pass --key or set PLAYHEAD_ADMIN_KEY');
}

/** What was answered; `value` is undefined when it was not JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly value: unknown;
}

/** Asks and takes any answer. Throws `Failure` `unreachable` when there is none. */
export async function exchange(
  { url, key }: ServiceOptions,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
  answerMs = ANSWER_MS,
): Promise<Answer> {
  try {
    const answer = await fetch(new URL(path, url), {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(answerMs),
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        'content-type': 'application/json',
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { status, headers: received } = answer;
    return { status, headers: received, value: parsed(await answer.text()) };
  } catch (failure) {
    throw unreachable(url, failure);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
