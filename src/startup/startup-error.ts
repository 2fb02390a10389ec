/** Why the service cannot start, in one line for the person who starts it. */
export class StartupError extends Error {
  /** `setting` names what that person has set, `cause` is what came of it. */
  constructor(setting: string, cause: unknown) {
    super(`${setting}: ${reasonOf(cause)}`, { cause });
  }
}

/** A host with several addresses fails with an error that has no words of its own. */
function reasonOf(cause: unknown): string {
  const { message, code } = cause as { message?: string; code?: string };
  return (message || code || String(cause)).split('\n', 1)[0] ?? '';
}
