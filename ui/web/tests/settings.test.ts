import assert from "node:assert/strict";
import test from "node:test";

import type { Setting } from "../src/lib/api/desk-types";

Object.defineProperty(globalThis, "navigator", { value: { userAgent: "", platform: "", languages: ["en"] } });
const { parsed, toUndo } = await import("../src/panel/pages/settings/values");

const PATIENCE: Setting = {
  name: "stall_seconds", group: "answers", description: "", kind: "number", unit: "s", minimum: 0, maximum: 3600, is_above_minimum: true,
  choices: [], may_be_unset: false, value: 180, default: 180, source: "default", source_name: null, is_fixed: false, is_pending: false, pending: null,
};
const COUNT: Setting = { ...PATIENCE, name: "waiting_chats", kind: "integer", is_above_minimum: false };

const taken = (setting: Setting, text: string) => {
  const read = parsed(setting, text);
  return "value" in read ? read.value : "refused";
};

test("numbers are taken as people of either custom write them", () => {
  assert.deepEqual(["0.5", "0,5", "12", " 7 "].map((text) => taken(PATIENCE, text)), [0.5, 0.5, 12, 7]);
});

test("what could mean two numbers, or lies outside of the limits, is none", () => {
  assert.deepEqual(["1,000", "0", "3601", "1.5.2", "soon"].map((text) => taken(PATIENCE, text)), Array(5).fill("refused"));
  assert.deepEqual(["0", "1.0", "1e3"].map((text) => taken(COUNT, text)), [0, "refused", "refused"]);
});

test("an empty field means the default", () => {
  assert.equal(taken(COUNT, ""), null);
  assert.equal(taken({ ...COUNT, kind: "text", default: "" }, "  "), null);
});

test("undo brings back what stood in the file, or nothing", () => {
  assert.equal(toUndo(COUNT), null);
  assert.equal(toUndo({ ...COUNT, source: "file", value: 9 }), 9);
  assert.equal(toUndo({ ...COUNT, is_pending: true, pending: 11 }), 11);
});
