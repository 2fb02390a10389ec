import type { KnownSessionEvent } from '../events/index.ts';
import { asKnown } from '../events/known.ts';
import type { SessionEvent } from '../envelope.ts';
import type { ParticipantKind } from '../events/participant.ts';
import { happenedAt } from '../instants.ts';

/** Somebody who takes part in a session. */
export interface ParticipantView {
  readonly sessionId: string;
  readonly participantId: string;
  readonly revision: number;
  readonly at: string;
  readonly kind: ParticipantKind;
  /** False while only a message named them. */
  readonly declared: boolean;
  readonly index: number | null;
  readonly name: string | null;
  readonly agentType: string | null;
  readonly agentVersion: string | null;
  readonly cliVersion: string | null;
  readonly model: string | null;
  readonly prompt: string | null;
  /** Null for one who never declared a join. */
  readonly joinedAt: string | null;
  readonly leftAt: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** The participant an event is about, `undefined` for events about something else. */
export function participantIdOf(event: SessionEvent): string | undefined {
  const known = asKnown(event);
  return known?.type === 'participant.joined' || known?.type === 'participant.left'
    ? known.data.participantId
    : undefined;
}

/** The participant after one more event about them. */
export function evolveParticipant(
  view: ParticipantView | undefined,
  event: SessionEvent,
): ParticipantView | undefined {
  const known = asKnown(event);
  const lastEvent = { revision: event.revision, at: event.meta.at };
  const happened = happenedAt(event.meta);
  if (known?.type === 'participant.left')
    return view && { ...view, ...lastEvent, leftAt: happened };
  if (known?.type !== 'participant.joined') return view;
  // A declared join replaces an inferred one whole, nothing inferred touches a declared one, and of
  // two declared ones the earlier stands: so it makes no difference which of them came first.
  const stands = known.data.inferred
    ? view !== undefined
    : view?.declared && view.leftAt === null && (view.joinedAt ?? '') <= happened;
  return view && stands ? { ...view, ...lastEvent } : joined(known, happened);
}

type Joined = Extract<KnownSessionEvent, { type: 'participant.joined' }>;

const joined = (event: Joined, happened: string): ParticipantView => ({
  sessionId: event.sessionId,
  participantId: event.data.participantId,
  revision: event.revision,
  at: event.meta.at,
  kind: event.data.kind,
  declared: !event.data.inferred,
  index: event.data.index ?? null,
  name: event.data.name ?? null,
  agentType: event.data.agentType ?? null,
  agentVersion: event.data.agentVersion ?? null,
  cliVersion: event.data.cliVersion ?? null,
  model: event.data.model ?? null,
  prompt: event.data.prompt ?? null,
  joinedAt: event.data.inferred ? null : happened,
  leftAt: null,
  extra: event.data.extra ?? {},
});

/** The order participants are listed in: as declared, then by id. */
export const compareParticipants = (a: ParticipantView, b: ParticipantView): number =>
  (a.index ?? Infinity) - (b.index ?? Infinity) || compareText(a.participantId, b.participantId);

/** Surrogates stand for what comes after all that UTF-16 writes in one unit. */
const rank = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);

/** By code point, as the `C` collation of the read models orders text. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  let at = 0;
  while (at < shorter && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  return at < shorter ? rank(a.charCodeAt(at)) - rank(b.charCodeAt(at)) : a.length - b.length;
}
