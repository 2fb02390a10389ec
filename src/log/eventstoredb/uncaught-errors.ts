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
