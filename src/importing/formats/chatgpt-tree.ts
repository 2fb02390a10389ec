import { listIn, rowOf, textIn, type Row } from '../import-format.ts';
import { rest } from '../row-fields.ts';

/** A node of a conversation's tree, with its place in it. */
export interface TreeNode {
  readonly id: string;
  /** As the file has it, without its links in the tree. */
  readonly row: Row;
  readonly parent: string | undefined;
  /** Not on the way to the current node: a text that was edited, an answer that was made again. */
  readonly isBranch: boolean;
}

interface Known {
  readonly id: string;
  readonly row: Row;
  readonly parent: string | undefined;
  readonly children: readonly string[];
}

const knownNodes = (mapping: Row): ReadonlyMap<string, Known> =>
  new Map(
    Object.entries(mapping).flatMap(([id, value]) => {
      const row = rowOf(value);
      if (!row) return [];
      const children = listIn(row.children).filter((child) => typeof child === 'string');
      return [[id, { id, row, parent: textIn(row.parent), children }]];
    }),
  );

/** From the root to the node, as far as parents are known and do not repeat. */
function pathTo(node: string | undefined, nodes: ReadonlyMap<string, Known>): string[] {
  const path = new Set<string>();
  for (let id = node; id !== undefined && nodes.has(id) && !path.has(id);) {
    path.add(id);
    id = nodes.get(id)?.parent;
  }
  return [...path].reverse();
}

/**
 * The nodes in the order of the conversation: first the branch that leads to `current`, from its
 * root, then the others, each after its parent. Nodes in a cycle, or that nothing leads to, come in
 * the order of the file; every node comes once.
 */
export function treeOrder(mapping: Row, current: unknown): TreeNode[] {
  const nodes = knownNodes(mapping);
  const main = new Set(pathTo(textIn(current), nodes));
  const order = new Set(main);
  const roots = [...nodes.values()].filter(({ parent }) => !parent || !nodes.has(parent));
  const waiting = [...roots.map(({ id }) => id), ...nodes.keys()].reverse();
  const seen = new Set<string>();
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const node = nodes.get(id);
    if (!node || seen.has(id)) continue;
    seen.add(id);
    order.add(id);
    for (const child of [...node.children].reverse()) waiting.push(child);
  }
  return [...order].flatMap((id) => {
    const node = nodes.get(id);
    if (!node) return [];
    const isBranch = main.size > 0 && !main.has(id);
    const row = rest(node.row, 'parent', 'children');
    return [{ id, row, parent: node.parent, isBranch }];
  });
}
