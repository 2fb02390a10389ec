import type { ConsoleFilter, ConsoleFrame, ConsolePatch, SessionChanges } from '../console.ts';
import { compareText } from './participant.ts';
import type { SessionView } from './session.ts';

/** A console's list of sessions and the cursor it is at. */
export interface ConsoleList {
  readonly position: string;
  readonly epoch: string;
  /** In the order of `compareSessions`. */
  readonly sessions: readonly SessionView[];
}

/** The order of the list: the newest activity first. */
export const compareSessions = (a: SessionView, b: SessionView): number =>
  compareText(b.lastActivityAt, a.lastActivityAt) || compareText(b.sessionId, a.sessionId);

/** Whether a console with this filter shows the session. */
export function matchesFilter(filter: ConsoleFilter, session: SessionView): boolean {
  const { status, source, state, label, search } = filter;
  return (
    (status === undefined || session.status === status) &&
    (source === undefined || session.source === source) &&
    (state === undefined || session.activity === state) &&
    Object.entries(label ?? {}).every(([key, value]) => labelOf(session, key) === value) &&
    (search === undefined || contains(session.name, search) || contains(session.prompt, search))
  );
}

const labelOf = ({ labels }: SessionView, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

const contains = (text: string | null, part: string): boolean =>
  text?.toLowerCase().includes(part.toLowerCase()) ?? false;

/** What must be written over `before` to make it `after`. */
export function changesOf(before: SessionView, after: SessionView): SessionChanges {
  const changed = Object.entries(after).filter(([field, value]) => {
    const held: unknown = before[field as keyof SessionView];
    return held !== value && JSON.stringify(held) !== JSON.stringify(value);
  });
  return Object.fromEntries(changed);
}

/**
 * The list after one more frame; the old one stays as it was, untouched sessions are shared. A
 * patch about a session that is not held, or that is held as it is later, changes nothing: after
 * an open, sessions may be ahead of the cursor.
 */
export function evolveConsole(list: ConsoleList, frame: ConsoleFrame): ConsoleList {
  const { epoch, sessions } = list;
  const position = frame.through;
  if (frame.patches.length === 0) return { position, epoch, sessions };
  const touched = new Set(frame.patches.map(({ sessionId }) => sessionId));
  const held = new Map<string, SessionView | undefined>();
  const untouched = sessions.filter((session) => {
    if (!touched.has(session.sessionId)) return true;
    held.set(session.sessionId, session);
    return false;
  });
  for (const patch of frame.patches) {
    held.set(patch.sessionId, patched(held.get(patch.sessionId), patch));
  }
  const changed = [...held.values()].filter((session) => session !== undefined);
  return { position, epoch, sessions: merged(untouched, changed.sort(compareSessions)) };
}

function patched(held: SessionView | undefined, patch: ConsolePatch): SessionView | undefined {
  if (held && held.revision >= patch.revision) return held;
  switch (patch.type) {
    case 'session.updated':
      return held && { ...held, ...patch.changes };
    case 'session.entered':
      return patch.session;
    case 'session.left':
      return undefined;
  }
}

/** Two ordered lists as one; the second is short, so a binary search inserts its sessions. */
function merged(a: readonly SessionView[], b: readonly SessionView[]): readonly SessionView[] {
  let next = 0;
  const pieces = b.map((session) => {
    const index = insertionIndex(a, session, next);
    const piece = [...a.slice(next, index), session];
    next = index;
    return piece;
  });
  return [...pieces.flat(), ...a.slice(next)];
}

/** Where a session belongs in an ordered list, looked for from an index on. */
function insertionIndex(all: readonly SessionView[], session: SessionView, from: number): number {
  let low = from;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = all[middle];
    if (other && compareSessions(other, session) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
