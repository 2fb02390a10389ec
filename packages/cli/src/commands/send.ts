import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandAnswer, commandTypes, refusal, type Refusal } from '@playhead/contract';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import type { z } from 'zod';
import { Failure } from '../failure.ts';
import { ask } from '../service.ts';
import { sharedOptions } from '../shared-options.ts';

const EXAMPLES = `
Examples:
  $ playhead send tea session.start --data '{"name":"Tea"}'
  $ playhead send tea message.post --data '{"content":"Green or black?"}'
  $ jq -n '{content: "from a program"}' | playhead send tea message.post --data -
  $ playhead send tea tool.output --data @output.json --idempotency-key step-7`;

const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 2_000;

interface SendArguments {
  readonly data: string;
  readonly idempotencyKey?: string;
  readonly retryFor: number;
}

const seconds = (argument: string): number => {
  if (/^\d{1,6}$/.test(argument)) return Number(argument);
  throw new InvalidArgumentError('must be a number of seconds');
};

const header = (argument: string): string => {
  if (/^[\x20-\x7e]{1,200}$/.test(argument)) return argument;
  throw new InvalidArgumentError('must have 1 to 200 ASCII characters');
};

/** `playhead send`: asks for something of a session. */
export function addSend(program: Command): void {
  program
    .command('send')
    .description('ask for something of a session; a retry has no second effect')
    .addArgument(new Argument('<session>', 'id of the session'))
    .addArgument(new Argument('<type>', 'what is asked for').choices(Object.keys(commandTypes)))
    .option('--data <json>', 'what it takes: a JSON object, @file, or - for standard input', '{}')
    .addOption(
      new Option('--idempotency-key <key>', 'the same key again is the same command').argParser(
        header,
      ),
    )
    .addOption(
      new Option('--retry-for <seconds>', 'how long to try again when disconnected or overloaded')
        .default(10)
        .argParser(seconds),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (sessionId: string, type: string, options: SendArguments, command: Command) => {
      const { url, key, json } = sharedOptions(command);
      const data = await dataOf(options.data);
      const path = `/api/sessions/${encodeURIComponent(sessionId)}/commands/${type}`;
      const headers = { 'idempotency-key': options.idempotencyKey ?? randomUUID() };
      const answer = await withRetries(options.retryFor, () =>
        ask({ url, key }, commandAnswer, path, data, headers),
      );
      console.log(json ? JSON.stringify(answer) : lineOf(answer));
    });
}

const lineOf = ({
  revision,
  position,
  appended,
  messageId,
  callId,
}: z.infer<typeof commandAnswer>): string =>
  [
    `revision ${revision}, position ${position}`,
    ...(messageId === undefined ? [] : [`message ${messageId}`]),
    ...(callId === undefined ? [] : [`call ${callId}`]),
    ...(appended ? [] : ['nothing new']),
  ].join(', ');

async function dataOf(argument: string): Promise<object> {
  const json = argument === '-' ? await text(process.stdin) : await contentOf(argument);
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch (failure) {
    throw new Failure('usage', `--data: ${(failure as Error).message}`);
  }
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data;
  throw new Failure('usage', '--data: must be a JSON object');
}

async function contentOf(argument: string): Promise<string> {
  if (!argument.startsWith('@')) return argument;
  return readFile(argument.slice(1), 'utf8').catch((failure: Error) => {
    throw new Failure('usage', `--data: ${failure.message}`);
  });
}

/** Tries again while it may help. All tries carry one key, so they are one command. */
async function withRetries<T>(forSeconds: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + forSeconds * 1_000;
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
    try {
      return await attempt();
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      const refused = refusal.safeParse(failure.details).data;
      const mayHelp = failure.exit === 'unreachable' || refused?.retry === true;
      if (mayHelp && Date.now() + pauseMs < deadline) await sleep(pauseMs);
      else throw refused ? new Failure('refused', wordsOf(refused), refused) : failure;
    }
  }
}

const wordsOf = ({ code, field, message }: Refusal): string =>
  field === undefined || message.startsWith(`${field}:`)
    ? `${code}: ${message}`
    : `${code}: ${field}: ${message}`;
