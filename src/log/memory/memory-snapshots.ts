import type { Fold, Snapshot, Snapshots } from '../snapshots.ts';

/** Snapshots in memory, as text, so that nothing of them is shared. For tests. */
export class MemorySnapshots implements Snapshots {
  readonly #texts = new Map<string, Map<number, string>>();

  async *read(fold: Fold, stream: string): AsyncGenerator<Snapshot> {
    const parts = [...(this.#texts.get(nameOf(fold, stream)) ?? [])].sort(([a], [b]) => a - b);
    for (const [, text] of parts) yield JSON.parse(text) as Snapshot;
  }

  async lastUpTo(fold: Fold, stream: string, revision: number): Promise<Snapshot | undefined> {
    let last: Snapshot | undefined;
    for await (const part of this.read(fold, stream)) if (part.revision <= revision) last = part;
    return last;
  }

  async keep(fold: Fold, stream: string, snapshot: Snapshot): Promise<void> {
    const name = nameOf(fold, stream);
    const parts = this.#texts.get(name) ?? new Map<number, string>();
    this.#texts.set(name, parts);
    const held = parts.get(snapshot.from);
    if (held && (JSON.parse(held) as Snapshot).revision >= snapshot.revision) return;
    parts.set(snapshot.from, JSON.stringify(snapshot));
  }

  async drop(fold: Fold, stream: string): Promise<void> {
    this.#texts.delete(nameOf(fold, stream));
  }
}

const nameOf = ({ name, version }: Fold, stream: string): string => `${name} ${version} ${stream}`;
