import assert from "node:assert/strict";
import test from "node:test";

import { markedParts, withoutFormat } from "../src/lib/marks";
import { activeBranch, childrenByParent, newestLeaf } from "../src/lib/tree";

const nodes = [
  { id: "q", parent_id: null },
  { id: "a1", parent_id: "q" },
  { id: "a2", parent_id: "q" },
  { id: "q2", parent_id: "a1" },
  { id: "edited", parent_id: null },
];
const ids = (branch: { id: string }[]) => branch.map((node) => node.id);

test("the active branch runs from the root to the active message", () => {
  assert.deepEqual(ids(activeBranch(nodes, "q2")), ["q", "a1", "q2"]);
  assert.deepEqual(ids(activeBranch(nodes, "a2")), ["q", "a2"]);
});

test("without an active message the newest one decides", () => {
  assert.deepEqual(ids(activeBranch(nodes, null)), ["edited"]);
  assert.deepEqual(ids(activeBranch(nodes, "unknown")), ["edited"]);
  assert.deepEqual(activeBranch([], null), []);
});

test("a ring of parents does not hang", () => {
  const ring = [{ id: "a", parent_id: "b" }, { id: "b", parent_id: "a" }];
  assert.ok(activeBranch(ring, "a").length <= 3);
});

test("siblings share a parent, oldest first, and a branch ends at its newest leaf", () => {
  const children = childrenByParent(nodes);
  assert.deepEqual(ids(children.get("q") ?? []), ["a1", "a2"]);
  assert.deepEqual(ids(children.get(null) ?? []), ["q", "edited"]);
  assert.equal(newestLeaf(nodes[0]!, children).id, "a2");
  assert.equal(newestLeaf(nodes[1]!, children).id, "q2");
});

test("hits become marked parts and nothing else does", () => {
  assert.deepEqual(markedParts("why \ue000PETG\ue001 <b>strings</b>"), [
    { text: "why ", marked: false },
    { text: "PETG", marked: true },
    { text: " <b>strings</b>", marked: false },
  ]);
  assert.deepEqual(markedParts(""), []);
});

test("a piece of a text is shown without what only formats it", () => {
  assert.equal(withoutFormat("You asked: **\ue000Retr\ue001action** of `layer_height`"), "You asked: \ue000Retr\ue001action of layer_height");
  assert.equal(withoutFormat("| |---|---|---| 5 * 3 > 2 # 1 a|b").trim(), "5 * 3 > 2 # 1 a|b");
});
