import { randomUUID } from 'node:crypto';
import { CommandRefused, type CommandHandler } from '../../../commands/command-handler.ts';
import type { Limits } from '../../../config.ts';
import { LogError } from '../../../log/event-log.ts';
import { Problem } from '../../problem.ts';
import type { Admission } from '../ingest-rate-limit.ts';
import { DuplicateSession } from './duplicate-session.ts';
import { readUpload } from './read-upload.ts';

/** What became of an upload that was stored. */
export interface UploadAnswer {
  readonly position: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Takes whole sessions, each as one command and so in one append: all of it or nothing. */
export class Uploads {
  constructor(
    private readonly commands: CommandHandler,
    private readonly limits: Limits,
  ) {}

  /**
   * Stores a session and answers once it is durable. Throws `Problem` (nothing stored), or what the
   * write path throws.
   */
  async take(raw: string, actor: string, admission: Admission): Promise<UploadAnswer> {
    const body = raw.trim();
    const { sessionId, command, answer } = readUpload(body, this.limits);
    try {
      const { revision, position } = await this.commands.handle({
        // Each request is a command of its own: a repeated one is to be refused by its session.
        id: randomUUID(),
        sessionId,
        actor,
        command,
        bytes: body.length,
        admit: () => admission.admit(actor),
      });
      return { position, body: { ...answer, revision, position } };
    } catch (failure) {
      const refusal = this.#refusal(failure, sessionId);
      if (refusal) throw refusal;
      throw failure;
    }
  }

  #refusal(failure: unknown, sessionId: string): Problem | undefined {
    if (failure instanceof CommandRefused && failure.code === 'refused') {
      return new DuplicateSession(sessionId, failure.message);
    }
    if (failure instanceof LogError && failure.code === 'too-large') {
      const why = `its events are more than one append takes (${failure.message})`;
      const way = 'send them as application/x-ndjson to /api/ingest';
      return new Problem('too-large', `the session cannot be stored at once: ${why}; ${way}`);
    }
    return undefined;
  }
}
