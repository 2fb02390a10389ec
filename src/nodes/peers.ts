import type { NodesListener } from './nodes.ts';
import type { Packet } from './packet.ts';

/** When nodes count as gone, and how many there may be. */
export interface PeersLimits {
  /** Own beats during which a node may be silent. */
  readonly nodeMissedHeartbeatsMax: number;
  /** More other nodes than this are not known. */
  readonly nodesMax: number;
}

/**
 * The other nodes, as their packets show them. Silence is counted in beats of this node, not in
 * time: while this one stands still, and receives nothing, nobody grows old.
 */
export class Peers {
  readonly #known = new Map<string, { nth: number; silentBeats: number }>();

  readonly #listeners = new Set<NodesListener>();

  constructor(private readonly limits: PeersLimits) {}

  get size(): number {
    return this.#known.size;
  }

  /** Tells of the others, those that are known already first, until the function is called. */
  listen(listener: NodesListener): () => void {
    this.#listeners.add(listener);
    for (const node of this.#known.keys()) listener.arrived?.(node);
    return () => this.#listeners.delete(listener);
  }

  /** Takes a packet of another node. */
  take({ from, nth, messages, bye }: Packet): void {
    const known = this.#known.get(from);
    if (!known && (bye || this.#known.size >= this.limits.nodesMax)) return;
    this.#known.set(from, { nth, silentBeats: 0 });
    if (!known) this.#tell((listener) => listener.arrived?.(from));
    else if (nth !== known.nth + 1) this.#tell((listener) => listener.missed?.(from));
    for (const message of messages) this.#tell((listener) => listener.received(from, message));
    if (bye) this.#gone(from);
  }

  /** One beat of this node has passed. */
  beat(): void {
    for (const [node, peer] of [...this.#known]) {
      peer.silentBeats += 1;
      if (peer.silentBeats > this.limits.nodeMissedHeartbeatsMax) this.#gone(node);
    }
  }

  #gone(node: string): void {
    this.#known.delete(node);
    this.#tell((listener) => listener.gone?.(node));
  }

  #tell(what: (listener: NodesListener) => void): void {
    for (const listener of this.#listeners) what(listener);
  }
}
