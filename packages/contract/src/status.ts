import type { EndKind } from './events/session.ts';

/** What a list shows of a session. */
export const sessionStatuses = [
  'ACTIVE',
  'COMPLETED',
  'INTERRUPTED',
  'ERROR',
  'TERMINATED',
] as const;
export type SessionStatus = (typeof sessionStatuses)[number];

const endStatus: Record<EndKind, SessionStatus> = {
  completed: 'COMPLETED',
  interrupted: 'INTERRUPTED',
  error: 'ERROR',
  terminated: 'TERMINATED',
};

/** An ended session shows how it ended; an open one shows whether an error was raised. */
export const statusOf = (session: {
  endedAs: EndKind | null;
  errorAt: string | null;
}): SessionStatus => {
  if (session.endedAs) return endStatus[session.endedAs];
  return session.errorAt ? 'ERROR' : 'ACTIVE';
};
