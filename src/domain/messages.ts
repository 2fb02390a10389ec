import { extended, hasChunk, TEXT_LENGTH_MAX, withRun, type ChunkRun } from '@playhead/contract';
import type { EventData, RequestedCommand, TokenUsage } from '@playhead/contract';
import { decisionOf, nothingNew, definedFields, type Decision } from './decision.ts';
import { refused, type Refused } from './refusal.ts';
import type { AppendChunks } from './session-commands.ts';
import { fingerprint, type OpenMessage, type SessionState } from './session-state.ts';

type Data<Type extends RequestedCommand['type']> = Extract<
  RequestedCommand,
  { type: Type }
>['data'];

/** Pieces of a message that may wait beyond a gap. */
const AHEAD_MAX = 1_000;

const unknown = (messageId: string): Refused =>
  refused('not-found', `the session has no message ${messageId}`);

/** A whole message. */
export function post(data: Data<'message.post'>, id: string, state: SessionState): Decision {
  const messageId = data.messageId ?? id;
  if (state.openMessages.has(messageId)) return { facts: [], keptFirst: true };
  const held = state.messages.get(messageId);
  if (held !== undefined) {
    return held === fingerprint(data.content) ? nothingNew : { facts: [], keptFirst: true };
  }
  const sequence = state.sequence + 1;
  const { inputTokens, outputTokens, ...said } = data;
  return decisionOf({
    type: 'message.posted',
    data: definedFields(extended(said, { messageId, sequence, usage: usageOf(data) })),
  });
}

/** The begin of a message whose text comes in chunks. */
export function start(data: Data<'message.start'>, id: string, state: SessionState): Decision {
  const messageId = data.messageId ?? id;
  if (state.openMessages.has(messageId) || state.messages.has(messageId)) return nothingNew;
  const sequence = state.sequence + 1;
  return decisionOf({
    type: 'message.started',
    data: definedFields(extended(data, { messageId, sequence })),
  });
}

/** Chunks that are there already, or come after the message was ended, change nothing. */
export function append(command: AppendChunks, state: SessionState): Decision | Refused {
  const { messageId } = command;
  const open = state.openMessages.get(messageId);
  if (!open) return state.messages.has(messageId) ? nothingNew : unknown(messageId);
  const runs = runsOf(command.chunks.filter(({ index }) => !hasChunk(open.assembly, index)));
  const after = runs.reduce(withRun, open.assembly);
  if (lengthOf(after) > TEXT_LENGTH_MAX) {
    return refused('too-large', `a message holds at most ${TEXT_LENGTH_MAX} characters`);
  }
  if (after.ahead.length > AHEAD_MAX) {
    return refused('refused', `more than ${AHEAD_MAX} pieces wait for chunk ${after.next}`);
  }
  return decisionOf(
    ...runs.map((run) => ({ type: 'message.chunked' as const, data: { messageId, ...run } })),
  );
}

/** The end of a message being written; without `content` it is what the chunks say. */
export function complete(data: Data<'message.complete'>, state: SessionState): Decision | Refused {
  const { messageId, content, inputTokens, outputTokens, ...said } = data;
  const open = state.openMessages.get(messageId);
  if (!open) return ended(messageId, content, state);
  const completed: EventData<'message.completed'> = {
    ...open.started,
    ...said,
    usage: usageOf(data),
    content: content ?? textOf(open),
    chunksHash: open.assembly.next > 0 ? hashOf(open) : undefined,
  };
  return decisionOf({ type: 'message.completed', data: definedFields(completed) });
}

/** Both ways of saying tokens as the event has them; absent when neither says any. */
function usageOf({
  usage,
  inputTokens,
  outputTokens,
}: Pick<Data<'message.post'>, 'usage' | 'inputTokens' | 'outputTokens'>): TokenUsage | undefined {
  if (inputTokens === undefined && outputTokens === undefined) return usage;
  const input = usage?.input ?? inputTokens;
  const output = usage?.output ?? outputTokens;
  return { ...usage, ...definedFields({ input, output }) };
}

/** The message ends in an error and keeps what there was of it. */
export function fail(data: Data<'message.fail'>, state: SessionState): Decision | Refused {
  const open = state.openMessages.get(data.messageId);
  if (!open) return ended(data.messageId, undefined, state);
  return decisionOf({ type: 'message.failed', data: { ...data, content: textOf(open) } });
}

function ended(
  messageId: string,
  content: string | undefined,
  state: SessionState,
): Decision | Refused {
  const held = state.messages.get(messageId);
  if (held === undefined) return unknown(messageId);
  const isSame = content === undefined || held === fingerprint(content);
  return isSame ? nothingNew : { facts: [], keptFirst: true };
}

/** Also what lies beyond gaps: better a gap in the text than a lost end. */
const textOf = ({ assembly }: OpenMessage): string =>
  assembly.text + assembly.ahead.map(({ text }) => text).join('');

const hashOf = ({ assembly }: OpenMessage): string =>
  `fnv1a32:${fingerprint(assembly.text).toString(16).padStart(8, '0')}`;

const lengthOf = ({ text, ahead }: OpenMessage['assembly']): number =>
  ahead.reduce((sum, run) => sum + run.text.length, text.length);

/** Neighbouring chunks joined; of two with one number the first counts. */
function runsOf(chunks: AppendChunks['chunks']): ChunkRun[] {
  const runs: ChunkRun[] = [];
  for (const { index, text } of chunks.toSorted((a, b) => a.index - b.index)) {
    const last = runs.at(-1);
    if (last && index <= last.to) continue;
    if (last && index === last.to + 1) {
      runs[runs.length - 1] = { from: last.from, to: index, text: last.text + text };
    } else {
      runs.push({ from: index, to: index, text });
    }
  }
  return runs;
}
