/** Which messages of the tree are shown, and which stand beside them. */

export interface Node {
  id: string;
  parent_id: string | null;
}

/** The path from the root to `activeId`; without one, to the newest message. Nodes come oldest first. */
export function activeBranch<N extends Node>(nodes: readonly N[], activeId: string | null): N[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const branch: N[] = [];
  let node = (activeId && byId.get(activeId)) || nodes[nodes.length - 1];
  while (node && branch.length <= nodes.length) {
    branch.push(node);
    node = node.parent_id ? byId.get(node.parent_id) : undefined;
  }
  return branch.reverse();
}

/** All children by parent id, oldest first; the roots stand under `null`. */
export function childrenByParent<N extends Node>(nodes: readonly N[]): Map<string | null, N[]> {
  const children = new Map<string | null, N[]>();
  for (const node of nodes) {
    const siblings = children.get(node.parent_id);
    if (siblings) siblings.push(node);
    else children.set(node.parent_id, [node]);
  }
  return children;
}

/** Where a branch ends when one follows the newest child from `node` on. */
export function newestLeaf<N extends Node>(node: N, children: Map<string | null, N[]>): N {
  let leaf = node;
  for (;;) {
    const next = children.get(leaf.id);
    const newest = next?.[next.length - 1];
    if (!newest) return leaf;
    leaf = newest;
  }
}
