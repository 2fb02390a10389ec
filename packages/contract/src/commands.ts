import * as z from 'zod';
import { attachments } from './events/attachment.ts';
import { count, milliseconds, nanoDollars } from './events/common.ts';
import { messageRole, messageSource } from './events/message.ts';
import { participantKind } from './events/participant.ts';
import { activity, endKind } from './events/session.ts';
import { tokenUsage, type TokenUsage } from './events/token-usage.ts';
import { id } from './ids.ts';

/** Longest name, label value, reason and the like, in UTF-16 units. */
export const LINE_LENGTH_MAX = 1_000;
/** Longest text of a message, prompt or tool output, in UTF-16 units. */
export const TEXT_LENGTH_MAX = 100_000;
/** Labels one command may set. */
export const LABELS_MAX = 50;

const line = z.string().max(LINE_LENGTH_MAX);
const text = z.string().max(TEXT_LENGTH_MAX);
const label = z.string().min(1).max(100);
const reason = z.strictObject({ reason: line.optional() });

const author = {
  role: messageRole.default('user'),
  source: messageSource.default('user'),
  participantId: id.optional(),
  agentType: line.optional(),
  agentName: line.optional(),
  model: line.optional(),
};
/** `inputTokens` and `outputTokens` are other names of `usage.input` and `usage.output`. */
const usage = {
  tokens: count.optional(),
  usage: tokenUsage.optional(),
  inputTokens: count.optional(),
  outputTokens: count.optional(),
  costNano: nanoDollars.optional(),
  durationMs: milliseconds.optional(),
  attachments: attachments.optional(),
};

interface FlatTokens {
  readonly usage?: TokenUsage | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
}

/** Nothing of what was sent is passed over: two counts of the same tokens must be the same. */
const inputAgrees = ({ usage, inputTokens }: FlatTokens): boolean =>
  inputTokens === undefined || (usage?.input ?? inputTokens) === inputTokens;
const outputAgrees = ({ usage, outputTokens }: FlatTokens): boolean =>
  outputTokens === undefined || (usage?.output ?? outputTokens) === outputTokens;

const differsFrom = (field: 'inputTokens' | 'outputTokens', other: string) => ({
  path: [field],
  error: `must be the same as ${other}, or absent`,
});

/**
 * Everything one can ask of a session, by name, with what it takes: the same over HTTP and on the
 * socket. Where an id may be left out, the service makes it.
 */
export const commandTypes = {
  'session.start': z.strictObject({
    name: line.optional(),
    mode: line.optional(),
    prompt: text.optional(),
    model: line.optional(),
    worker: id.optional(),
    maxTurns: count.optional(),
    labels: z
      .record(label, line)
      .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX}`)
      .optional(),
  }),
  'session.rename': z.strictObject({ name: line.min(1) }),
  /** A null value removes the label. */
  'session.label': z.strictObject({
    labels: z
      .record(label, line.nullable())
      .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX}`),
  }),
  'session.set-state': z.strictObject({ state: activity, message: line.optional() }),
  'session.set-provider': z.strictObject({ provider: line.min(1), model: line.optional() }),
  'session.cancel': reason,
  'session.raise-error': z.strictObject({ message: text, kind: line.optional() }),
  'session.idle': reason,
  'session.resume': z.strictObject({}),
  'session.end': z.strictObject({ as: endKind.default('completed'), reason: line.optional() }),
  'participant.join': z.strictObject({
    participantId: id,
    kind: participantKind.default('user'),
    name: line.optional(),
    agentType: line.optional(),
    model: line.optional(),
  }),
  'participant.leave': z.strictObject({ participantId: id, reason: line.optional() }),
  'message.post': z
    .strictObject({ messageId: id.optional(), ...author, ...usage, content: text })
    .refine(inputAgrees, differsFrom('inputTokens', 'usage.input'))
    .refine(outputAgrees, differsFrom('outputTokens', 'usage.output')),
  'message.start': z.strictObject({
    messageId: id.optional(),
    ...author,
    role: messageRole.default('assistant'),
    source: messageSource.default('agent'),
  }),
  /** Chunks are numbered from 0 in the order of the text, and may come in any order. */
  'message.append': z.strictObject({
    messageId: id,
    index: z.number().int().nonnegative().max(10_000_000),
    text,
  }),
  'message.complete': z
    .strictObject({ messageId: id, content: text.optional(), ...usage })
    .refine(inputAgrees, differsFrom('inputTokens', 'usage.input'))
    .refine(outputAgrees, differsFrom('outputTokens', 'usage.output')),
  'message.fail': z.strictObject({ messageId: id, error: line.min(1) }),
  'tool.call': z.strictObject({
    callId: id.optional(),
    tool: line.min(1),
    input: z.unknown().optional(),
    messageId: id.optional(),
    participantId: id.optional(),
  }),
  'tool.output': z.strictObject({ callId: id, text, attachments: attachments.optional() }),
  'tool.finish': z.strictObject({
    callId: id,
    exitCode: z
      .number()
      .int()
      .min(-(2 ** 31))
      .max(2 ** 31 - 1)
      .optional(),
    error: line.optional(),
    durationMs: milliseconds.optional(),
  }),
};

export type CommandType = keyof typeof commandTypes;

/** The data of a command as one sends it. */
export type CommandInput<Type extends CommandType> = z.input<(typeof commandTypes)[Type]>;

/** The data of a command, with defaults filled in. */
export type CommandData<Type extends CommandType> = z.infer<(typeof commandTypes)[Type]>;

/** A command that somebody asks for: refused when the session's state forbids it. */
export type RequestedCommand = {
  [Type in CommandType]: { readonly type: Type; readonly data: CommandData<Type> };
}[CommandType];
