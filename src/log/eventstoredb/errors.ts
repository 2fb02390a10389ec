import { LogError } from '../event-log.ts';

const typeOf = (fault: unknown): unknown => (fault as { readonly type?: unknown } | null)?.type;

/** The stream is not where an append expected it. What the fault says of revisions is not right. */
export const isConflict = (fault: unknown): boolean => typeOf(fault) === 'wrong-expected-version';

/** There is no such stream. */
export const isMissing = (fault: unknown): boolean => typeOf(fault) === 'stream-not-found';

/** What the server refuses now and later; `undefined` for all other faults. */
export function refusalOf(fault: unknown): LogError | undefined {
  switch (typeOf(fault)) {
    case 'maximum-append-size-exceeded':
      return new LogError('too-large', 'more than the server takes in one append');
    case 'stream-deleted':
      return new LogError('deleted', 'the stream was deleted on the EventStoreDB server');
    default:
      return undefined;
  }
}

/** That the server or the client did not do what it should; what took effect is not known. */
export const unavailable = (fault: unknown): LogError =>
  new LogError('unavailable', `EventStoreDB did not answer: ${wordsOf(fault)}`);

/** Errors of the client often have no words, only a type. */
const wordsOf = (fault: unknown): string =>
  (fault as { readonly message?: string } | null)?.message || String(typeOf(fault) ?? fault);

/** Whether a fault was thrown by the client's own code. */
const isOfClient = (fault: unknown): fault is Error =>
  fault instanceof Error && /[\\/]@eventstore[\\/]db-client[\\/]/.test(fault.stack ?? '');

/**
 * The client can fail where nobody waits for it, which would end the process. Until the result is
 * called such failures go to `tell` instead; all others end the process as they do without this.
 */
export function catchUncaughtErrors(tell: (fault: Error) => void): () => void {
  const onFault = (fault: unknown): void => {
    if (!isOfClient(fault)) throw fault;
    tell(fault);
  };
  const events = ['unhandledRejection', 'uncaughtException'] as const;
  for (const event of events) process.on(event, onFault);
  return () => {
    for (const event of events) process.off(event, onFault);
  };
}
