import { answeredSession, type SessionView } from '@playhead/contract';

type Fields = Readonly<Record<string, unknown>>;

/** The view of a session as it is now; undefined for one that is not known. */
export type ViewOf = (sessionId: string) => SessionView | undefined;

/**
 * Cached data with its sessions as they are now: a session, a list of them, an object with
 * `sessions`, or with `pages` of such, however deep. Nothing is changed in place; what stays as it
 * was is the same object, and data without anything to change is.
 */
export function patched(data: unknown, viewOf: ViewOf): unknown {
  if (Array.isArray(data)) {
    const items: readonly unknown[] = data;
    const now = items.map((item) => patched(item, viewOf));
    return now.some((item, nth) => item !== items[nth]) ? now : data;
  }
  if (typeof data !== 'object' || data === null) return data;
  const held = data as Fields;
  const view = isSession(held) ? viewOf(held.sessionId) : undefined;
  const inside = ['sessions', 'pages'].filter((name) => Array.isArray(held[name]));
  return withChanges(held, {
    ...(view && newer(held, view)),
    ...Object.fromEntries(inside.map((name) => [name, patched(held[name], viewOf)])),
  });
}

/** Messages, participants and tool calls name their session, too. */
const isSession = (held: Fields): held is Fields & { readonly sessionId: string } =>
  typeof held.sessionId === 'string' &&
  !['messageId', 'participantId', 'callId'].some((name) => Object.hasOwn(held, name));

/** The fields that are there and have changed; none when they are as new as the view. */
function newer(held: Fields, view: SessionView): Fields {
  if (typeof held.revision === 'number' && held.revision >= view.revision) return {};
  const changed = Object.entries(answeredSession(view)).filter(
    ([name, value]) =>
      Object.hasOwn(held, name) && JSON.stringify(value) !== JSON.stringify(held[name]),
  );
  return Object.fromEntries(changed);
}

const withChanges = (held: Fields, next: Fields): Fields =>
  Object.entries(next).some(([name, value]) => value !== held[name]) ? { ...held, ...next } : held;
