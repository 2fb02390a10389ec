import type { NodeMessage } from './messages.ts';

/**
 * What a node receives from the others that share its database. Of one node, calls come in the
 * order in which it sent; `arrived` comes before anything else of it.
 */
export interface NodesListener {
  received(node: string, message: NodeMessage): void;
  /** A node that was not known, or was gone. What it sent before is not known either. */
  arrived?(node: string): void;
  /** Something that a node sent was lost on the way. */
  missed?(node: string): void;
  /** A node has stopped, or sent nothing for a while. */
  gone?(node: string): void;
}

/**
 * What nodes tell each other: best effort, at most once, stored nowhere. For what does no harm when
 * it is lost and may be sent again; events go by the log alone.
 */
export interface Nodes {
  /** This node's name, as the others see it; another one at each start. */
  readonly id: string;
  /** How many other nodes are known. */
  readonly others: number;
  /**
   * Tells all others, in a moment. Never waits and never throws; false when the message is dropped:
   * too much waits already, it is too long, or there is no connection.
   */
  send(message: NodeMessage): boolean;
  /** Calls back with the others that are known and what they send, until the function is called. */
  listen(listener: NodesListener): () => void;
  /** Says good-bye. Nothing is sent or received from then on. */
  close(): Promise<void>;
}
