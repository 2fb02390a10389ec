import type { KnownSessionEvent } from '../events/index.ts';
import { ATTACHMENTS_MAX } from '../events/attachment-limits.ts';
import type { Attachment } from '../events/attachment.ts';
import { asKnown } from '../events/known.ts';
import type { ToolOutcome } from '../events/tool.ts';
import type { SessionEvent } from '../envelope.ts';
import { happenedAt } from '../instants.ts';

/** Characters of a tool's output that a view keeps: the last ones, in UTF-16 units. */
export const TOOL_OUTPUT_MAX = 100_000;

/** One call of a tool in a session. */
export interface ToolView {
  readonly sessionId: string;
  readonly callId: string;
  readonly revision: number;
  readonly at: string;
  readonly state: 'running' | ToolOutcome;
  readonly tool: string;
  /** As the caller gave it; null when there was none. */
  readonly input: unknown;
  readonly messageId: string | null;
  readonly participantId: string | null;
  /** The end of the output, at most `TOOL_OUTPUT_MAX` characters. */
  readonly output: string;
  /** How long the whole output is; more than `output` holds when its beginning was cut. */
  readonly outputLength: number;
  /** Of all its output, in order: the last ones, at most `ATTACHMENTS_MAX`. */
  readonly attachments: readonly Attachment[];
  readonly exitCode: number | null;
  readonly error: string | null;
  readonly durationMs: number | null;
  /** Revision of the call itself, which orders the calls of a session. */
  readonly calledRevision: number;
  readonly calledAt: string;
  readonly finishedAt: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
}

type ToolEvent = Extract<KnownSessionEvent, { type: `tool.${string}` }>;
type Called = Extract<ToolEvent, { type: 'tool.called' }>;

const asToolEvent = (event: SessionEvent): ToolEvent | undefined => {
  const known = asKnown(event);
  return known?.type.startsWith('tool.') ? (known as ToolEvent) : undefined;
};

/** The tool call an event is about, `undefined` for events about something else. */
export const toolCallIdOf = (event: SessionEvent): string | undefined =>
  asToolEvent(event)?.data.callId;

/** The call after one more event about it; what is said after its end changes nothing. */
export function evolveTool(view: ToolView | undefined, event: SessionEvent): ToolView | undefined {
  const known = asToolEvent(event);
  if (known?.type === 'tool.called') return view ?? called(known);
  if (!known || view?.state !== 'running') return view;
  const lastEvent = { revision: event.revision, at: event.meta.at };
  switch (known.type) {
    case 'tool.output':
      return {
        ...view,
        ...lastEvent,
        output: endOf(view.output + known.data.text, TOOL_OUTPUT_MAX),
        outputLength: view.outputLength + known.data.text.length,
        attachments: lastOf(view.attachments, known.data.attachments),
      };
    case 'tool.finished': {
      const { outcome, exitCode, error, durationMs, extra } = known.data;
      return {
        ...view,
        ...lastEvent,
        state: outcome,
        exitCode: exitCode ?? null,
        error: error ?? null,
        durationMs: durationMs ?? null,
        finishedAt: happenedAt(event.meta),
        extra: { ...view.extra, ...extra },
      };
    }
  }
}

const called = (event: Called): ToolView => ({
  sessionId: event.sessionId,
  callId: event.data.callId,
  revision: event.revision,
  at: event.meta.at,
  state: 'running',
  tool: event.data.tool,
  input: event.data.input ?? null,
  messageId: event.data.messageId ?? null,
  participantId: event.data.participantId ?? null,
  output: '',
  outputLength: 0,
  attachments: [],
  exitCode: null,
  error: null,
  durationMs: null,
  calledRevision: event.revision,
  calledAt: happenedAt(event.meta),
  finishedAt: null,
  extra: event.data.extra ?? {},
});

/** Both lists as one, cut at its beginning to what a view holds. */
const lastOf = (
  held: ToolView['attachments'],
  more: ToolView['attachments'] | undefined,
): ToolView['attachments'] =>
  more === undefined ? held : [...held, ...more].slice(-ATTACHMENTS_MAX);

/** The last characters of a text. Half of a character at the cut goes too: no store takes it. */
export const endOf = (text: string, lengthMax: number): string =>
  text.length <= lengthMax ? text : text.slice(-lengthMax).replace(/^[\uDC00-\uDFFF]/, '');
