import type { AppendChunks } from '../domain/session-commands.ts';

/** When gathered chunks go. */
export interface ChunkWindowLimits {
  /** How long a chunk may wait for others. */
  readonly chunkWindowMs: number;
  /** Gathered text, in UTF-16 units, that goes without waiting longer. */
  readonly chunkWindowCharactersMax: number;
}

type Chunk = AppendChunks['chunks'][number];

interface Gathering<Answer> {
  readonly chunks: Chunk[];
  characters: number;
  readonly answer: Promise<Answer>;
  send(): void;
}

/**
 * Gathers chunks of one message for a moment, so that they become one command and one event. All of
 * them get its answer.
 */
export class ChunkWindow<Answer> {
  readonly #gatherings = new Map<string, Gathering<Answer>>();

  /** `send` takes what was gathered under a key. */
  constructor(
    private readonly send: (key: string, chunks: readonly Chunk[]) => Promise<Answer>,
    private readonly limits: ChunkWindowLimits,
  ) {}

  add(key: string, chunk: Chunk): Promise<Answer> {
    const gathering = this.#gatherings.get(key) ?? this.#open(key);
    gathering.chunks.push(chunk);
    gathering.characters += chunk.text.length;
    if (gathering.characters >= this.limits.chunkWindowCharactersMax) gathering.send();
    return gathering.answer;
  }

  /** Sends what waits under a key now: something that must come after it is about to be sent. */
  flush(key: string): void {
    this.#gatherings.get(key)?.send();
  }

  #open(key: string): Gathering<Answer> {
    const chunks: Chunk[] = [];
    const { promise, resolve } = later<Answer>();
    const send = (): void => {
      clearTimeout(timer);
      if (this.#gatherings.get(key) !== gathering) return;
      this.#gatherings.delete(key);
      resolve(this.send(key, chunks));
    };
    const timer = setTimeout(send, this.limits.chunkWindowMs);
    const gathering = { chunks, characters: 0, answer: promise, send };
    this.#gatherings.set(key, gathering);
    return gathering;
  }
}

function later<Value>() {
  let resolve: (value: Value | Promise<Value>) => void = () => undefined;
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}
