import { id, eventTypes } from '@playhead/contract';
import { z } from 'zod';
import type { CommittedEvent, Imported } from '../imported-entry.ts';
import { rowOf, type LineFormat } from '../import-format.ts';

const REVISION_MAX = Number.MAX_SAFE_INTEGER;

/** A line of Playhead's export as JSONL: an event as it was committed. */
const committed = z.strictObject({
  id: z.uuid(),
  sessionId: id,
  revision: z.number().int().min(0).max(REVISION_MAX),
  type: z.string().min(1).max(200),
  v: z.number().int().min(1),
  data: z.unknown(),
  meta: z.looseObject({ at: z.iso.datetime(), actor: z.string(), commandId: z.string() }),
});

/** Playhead's own export as JSONL: read again it is the same session, to the last byte. */
export const playheadEvents: LineFormat = {
  name: 'Playhead export',
  detects(value) {
    const row = rowOf(value);
    return row !== undefined && ['sessionId', 'revision', 'v', 'meta'].every((name) => name in row);
  },
  open: () => ({
    *line(value): Iterable<Imported> {
      const read = committed.safeParse(value);
      if (!read.success) {
        const [issue] = read.error.issues;
        yield { unreadable: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` };
        return;
      }
      const fault = faultIn(read.data);
      if (fault !== undefined) {
        yield { unreadable: fault };
        return;
      }
      // As it came: what the schema gives has its fields in another order.
      yield { committed: value as CommittedEvent };
    },
    *end(): Iterable<Imported> {},
  }),
};

/** Data of today's version that is not in its shape would stop every reader of the session. */
function faultIn({
  type,
  v,
  data,
}: {
  type: string;
  v: number;
  data?: unknown;
}): string | undefined {
  const known = Object.hasOwn(eventTypes, type)
    ? eventTypes[type as keyof typeof eventTypes]
    : undefined;
  if (known?.v !== v) return undefined;
  const read = known.data.safeParse(data);
  const [issue] = read.error?.issues ?? [];
  return issue && `data.${issue.path.join('.')}: ${issue.message}`;
}
