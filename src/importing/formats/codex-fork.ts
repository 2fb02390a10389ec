import { rowOf, textIn, type Row } from '../import-format.ts';
import { instantIn } from '../row-fields.ts';

/** A replay without ids of turns is written at once; what comes so long after it is new. */
const REPLAY_MS = 1_000;

/** When a UUID of version 7 was made, in milliseconds since 1970. */
const madeAt = (id: unknown): number | undefined =>
  typeof id === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/i.test(id)
    ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
    : undefined;

/** The id of the turn that a line begins or belongs to. */
const turnOf = (row: Row, payload: Row): unknown =>
  payload.turn_id ?? rowOf(payload.turn)?.id ?? row.turn_id;

/**
 * Which lines of a forked rollout are its parent's. The fork begins with the parent's history: with
 * the times of then or with the time of the copy, so the ids of turns, which hold the time at which
 * they were made, say more. The fork's own lines begin with the first turn made after it.
 */
export class CodexFork {
  readonly #beganAt: number | undefined;
  #isOver = false;
  /** Whether a turn has said by its id that the parent's history is still being replayed. */
  #hasTurnIds = false;

  constructor(id: string | undefined, startedAt: string | undefined) {
    this.#beganAt = madeAt(id) ?? (startedAt === undefined ? undefined : Date.parse(startedAt));
    this.#isOver = this.#beganAt === undefined;
  }

  /** The parent's own first line is part of the replay. */
  parentFound(): void {
    this.#hasTurnIds = false;
  }

  isReplayed(row: Row, payload: Row): boolean {
    if (this.#isOver) return false;
    const turn = madeAt(turnOf(row, payload));
    if (turn !== undefined) {
      this.#hasTurnIds = true;
      this.#isOver = turn >= (this.#beganAt ?? 0);
    } else if (!this.#hasTurnIds) {
      const at = instantIn(textIn(row.timestamp));
      this.#isOver = at !== undefined && Date.parse(at) - (this.#beganAt ?? 0) > REPLAY_MS;
    }
    return !this.#isOver;
  }
}
