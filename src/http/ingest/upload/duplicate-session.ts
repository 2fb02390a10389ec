import { Problem } from '../../problem.ts';

/** An uploaded session is there already; nothing of it was stored again. */
export class DuplicateSession extends Problem {
  constructor(
    readonly sessionId: string,
    message: string,
  ) {
    super('refused', message);
  }
}
