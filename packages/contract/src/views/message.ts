import type { KnownSessionEvent } from '../events/index.ts';
import { asKnown } from '../events/known.ts';
import type { SessionEvent } from '../envelope.ts';
import type { Attachment } from '../events/attachment.ts';
import type { MessageRole, MessageSource } from '../events/message.ts';
import { happenedAt } from '../instants.ts';
import { withRun, type ChunkRun } from './chunks.ts';
import { compareText } from './participant.ts';
import { tokenCounts, unknownTokens, type TokenCounts } from './totals.ts';

/** A message of a session, whole or still being written. */
export interface MessageView {
  readonly sessionId: string;
  readonly messageId: string;
  readonly revision: number;
  readonly at: string;
  readonly state: 'open' | 'complete' | 'failed';
  readonly role: MessageRole;
  readonly source: MessageSource;
  readonly participantId: string | null;
  readonly agentType: string | null;
  readonly agentName: string | null;
  readonly model: string | null;
  /** Of an open message: the chunks so far. */
  readonly content: string;
  /** How many chunks `content` holds while the message is open. */
  readonly chunks: number;
  /** Of an open message: chunks that came ahead of their turn. */
  readonly ahead: readonly ChunkRun[];
  readonly sequence: number | null;
  readonly turn: number | null;
  readonly tokens: number | null;
  /** The same as `usage.input` and `usage.output`. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly usage: TokenCounts;
  readonly costNano: number | null;
  readonly durationMs: number | null;
  readonly attachments: readonly Attachment[];
  readonly occurredAt: string;
  readonly error: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
}

type MessageEvent = Extract<KnownSessionEvent, { type: `message.${string}` }>;

const asMessageEvent = (event: SessionEvent): MessageEvent | undefined => {
  const known = asKnown(event);
  return known?.type.startsWith('message.') ? (known as MessageEvent) : undefined;
};

/** The message an event is about, `undefined` for events about something else. */
export const messageIdOf = (event: SessionEvent): string | undefined =>
  asMessageEvent(event)?.data.messageId;

/** The message after one more event about it; what is said after its end changes nothing. */
export function evolveMessage(
  view: MessageView | undefined,
  event: SessionEvent,
): MessageView | undefined {
  const known = asMessageEvent(event);
  if (!known || (view && view.state !== 'open')) return view;
  const lastEvent = { revision: event.revision, at: event.meta.at };
  switch (known.type) {
    case 'message.posted':
      return { ...begun(known), state: 'complete', content: known.data.content };
    case 'message.started':
      return view ?? begun(known);
    case 'message.chunked':
      return view && { ...view, ...lastEvent, ...grown(view, known.data) };
    case 'message.completed':
      return {
        ...(view ?? begun(known)),
        ...lastEvent,
        ...used(known),
        state: 'complete',
        content: known.data.content,
        ...closed,
      };
    case 'message.failed':
      return (
        view && {
          ...view,
          ...lastEvent,
          ...closed,
          state: 'failed',
          content: known.data.content,
          error: known.data.error,
        }
      );
  }
}

/** What an open message alone has. */
const closed = { chunks: 0, ahead: [] } as const;

function grown(view: MessageView, run: ChunkRun): Partial<MessageView> {
  const before = { text: view.content, next: view.chunks, ahead: view.ahead };
  const { text, next, ahead } = withRun(before, run);
  return { content: text, chunks: next, ahead };
}

type Begun = Extract<
  MessageEvent,
  { type: 'message.posted' | 'message.started' | 'message.completed' }
>;

function begun(event: Begun): MessageView {
  const { data } = event;
  return {
    sessionId: event.sessionId,
    messageId: data.messageId,
    revision: event.revision,
    at: event.meta.at,
    state: 'open',
    role: data.role,
    source: data.source,
    participantId: data.participantId ?? null,
    agentType: data.agentType ?? null,
    agentName: data.agentName ?? null,
    model: data.model ?? null,
    content: '',
    ...closed,
    sequence: data.sequence ?? null,
    turn: data.turn ?? null,
    ...used(event),
    occurredAt: happenedAt(event.meta),
    error: null,
    extra: data.extra ?? {},
  };
}

type Used = Pick<
  MessageView,
  'tokens' | 'inputTokens' | 'outputTokens' | 'usage' | 'costNano' | 'durationMs' | 'attachments'
>;

const unused: Used = {
  tokens: null,
  inputTokens: null,
  outputTokens: null,
  usage: unknownTokens,
  costNano: null,
  durationMs: null,
  attachments: [],
};

function used(event: Begun): Used {
  if (event.type === 'message.started') return unused;
  const { tokens, usage, costNano, durationMs, attachments } = event.data;
  const counts = tokenCounts(usage);
  return {
    tokens: tokens ?? null,
    inputTokens: counts.input,
    outputTokens: counts.output,
    usage: counts,
    costNano: costNano ?? null,
    durationMs: durationMs ?? null,
    attachments: attachments ?? unused.attachments,
  };
}

/** The order messages are listed in: the producer's sequence, then time, then id. */
export const compareMessages = (a: MessageView, b: MessageView): number =>
  (a.sequence ?? Infinity) - (b.sequence ?? Infinity) ||
  compareText(a.occurredAt, b.occurredAt) ||
  compareText(a.messageId, b.messageId);
