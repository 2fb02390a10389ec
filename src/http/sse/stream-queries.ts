import {
  activity,
  id,
  REPLAY_SPEED_MAX,
  REPLAY_SPEED_MIN,
  replaySpeedIn,
  sessionSource,
  sessionStatuses,
} from '@playhead/contract';
import { z } from 'zod';
import type { Limits } from '../../config.ts';
import { label, plainText, REVISION_MAX, wholeNumber } from '../query-parameters.ts';

/** Of a session's stream: as `session:open` has it on the socket. */
export const sessionQuery = z
  .strictObject({
    after: wholeNumber(-1, REVISION_MAX).optional(),
    afterId: z.uuid().optional(),
  })
  .refine(({ after = -1, afterId }) => afterId === undefined || after >= 0, {
    path: ['afterId'],
    message: 'needs `after` of at least 0',
  });

/** Of the stream of all sessions: a position or an id of it, and the console's filter. */
export const consoleQuery = (limits: Limits) =>
  z.strictObject({
    after: z.string().max(201).optional(),
    status: z.enum(sessionStatuses).optional(),
    source: sessionSource.optional(),
    state: activity.optional(),
    label: z
      .preprocess(
        (given) => (typeof given === 'string' ? [given] : given),
        z.array(label).max(limits.labelFiltersMax),
      )
      .transform((pairs) => Object.fromEntries(pairs))
      .optional(),
    search: plainText(limits.searchCharactersMax).min(1).optional(),
  });

/** Of the stream in AgentPipe's shape. */
export const realtimeQuery = z.strictObject({ conversationId: id.optional() });

/** Of the same under the path that its pages use, which is ours without the parameter. */
export const conversationStreamQuery = z.strictObject({
  /** Empty: of all conversations. */
  conversationId: z.union([z.literal('').transform(() => undefined), id]),
});

const speed = z.string().transform((text, context): number => {
  const read = replaySpeedIn(text);
  if (read !== undefined) return read;
  const range = `${REPLAY_SPEED_MIN} to ${REPLAY_SPEED_MAX}`;
  const message = `must be a number from ${range}, such as 10 or 10x`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** Of a replay: which revisions, how fast, and how many milliseconds a pause may last. */
export const replayQuery = (limits: Limits) =>
  z
    .strictObject({
      from: wholeNumber(0, REVISION_MAX).default(0),
      to: wholeNumber(0, REVISION_MAX).optional(),
      speed: speed.default(1),
      maxPause: wholeNumber(0, limits.replayPauseMaxMs).default(limits.replayPauseMaxMs),
    })
    .refine(({ from, to }) => to === undefined || from <= to, {
      path: ['to'],
      message: 'must not lie before `from`',
    });
