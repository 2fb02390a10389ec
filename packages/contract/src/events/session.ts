import * as z from 'zod';
import { id } from '../ids.ts';
import { attachments } from './attachment.ts';
import { count, extra, milliseconds, nanoDollars } from './common.ts';
import { versioned } from './versioned.ts';

/** Where a session came from. Ingest keys reach only `cli-*` and `import`. */
export const sessionSource = z.enum(['web', 'api', 'cli-stream', 'cli-upload', 'import']);
export type SessionSource = z.infer<typeof sessionSource>;

/** How a session ended. */
export const endKind = z.enum(['completed', 'interrupted', 'error', 'terminated']);
export type EndKind = z.infer<typeof endKind>;

/** What a session is doing while it is open. */
export const activity = z.enum(['idle', 'working', 'error']);
export type Activity = z.infer<typeof activity>;

/** Totals as the producer counted them; kept beside ours, which may differ. */
export const reportedTotals = z.object({
  messages: count.optional(),
  turns: count.optional(),
  tokens: count.optional(),
  costNano: nanoDollars.optional(),
  durationMs: milliseconds.optional(),
});
export type ReportedTotals = z.infer<typeof reportedTotals>;

/** A producer's own summary of the session. */
export const summary = z.object({
  shortText: z.string().optional(),
  text: z.string().optional(),
  agentType: z.string().optional(),
  model: z.string().optional(),
  inputTokens: count.optional(),
  outputTokens: count.optional(),
  tokens: count.optional(),
  costNano: nanoDollars.optional(),
  durationMs: milliseconds.optional(),
  extra,
});
export type Summary = z.infer<typeof summary>;

const labels = z.record(z.string(), z.string());

export const sessionEvents = {
  'session.started': versioned(
    1,
    z.object({
      source: sessionSource,
      /** Something else than its start came first. */
      inferred: z.literal(true).optional(),
      name: z.string().optional(),
      mode: z.string().optional(),
      prompt: z.string().optional(),
      model: z.string().optional(),
      worker: z.string().optional(),
      maxTurns: count.optional(),
      labels: labels.optional(),
      extra,
    }),
  ),
  'session.ready': versioned(1, z.object({ extra })),
  'session.renamed': versioned(1, z.object({ name: z.string() })),
  'session.state-changed': versioned(
    1,
    z.object({ state: activity, message: z.string().optional() }),
  ),
  'session.provider-changed': versioned(
    1,
    z.object({ provider: z.string(), model: z.string().optional() }),
  ),
  /** A null value removes the label. */
  'session.labelled': versioned(
    1,
    z.object({ labels: z.record(z.string(), z.string().nullable()) }),
  ),
  'session.idled': versioned(1, z.object({ reason: z.string().optional() })),
  'session.resumed': versioned(1, z.object({})),
  'session.cancel-requested': versioned(1, z.object({ reason: z.string().optional() })),
  /** Not terminal: agents go on after an error of one of them. */
  'session.error-raised': versioned(
    1,
    z.object({
      message: z.string(),
      kind: z.string().optional(),
      agentType: z.string().optional(),
      extra,
    }),
  ),
  'session.ended': versioned(
    1,
    z.object({
      as: endKind,
      reason: z.string().optional(),
      reported: reportedTotals.optional(),
      summary: summary.optional(),
      extra,
    }),
  ),
  /**
   * What a producer recorded and no other event has a place for, as a line of its log or a row of
   * an imported file: kept for readers of the log, and no view changes by it.
   */
  'session.noted': versioned(
    1,
    z.object({ kind: z.string(), attachments: attachments.optional(), extra }),
  ),
  'session.owner-set': versioned(1, z.object({ owner: id })),
  'session.member-added': versioned(1, z.object({ member: id })),
  'session.member-removed': versioned(1, z.object({ member: id })),
};
