import assert from "node:assert/strict";
import test from "node:test";

Object.defineProperty(globalThis, "navigator", { value: { userAgent: "", platform: "", languages: [] } });
const { hostOf, languageOf } = await import("../src/lib/host");

const DEVICE_TAB = "Mozilla/5.0 (X11; Linux x86_64) BBL-Slicer/v2.3.1 (dark) BBL-Language/zh_CN";

test("OrcaSlicer's Device tab tells its colours and its language", () => {
  assert.deepEqual(hostOf(DEVICE_TAB), { isSlicer: true, theme: "dark" });
  assert.equal(languageOf(DEVICE_TAB), "zh-CN");
});

test("a browser tells neither", () => {
  assert.deepEqual(hostOf("Mozilla/5.0"), { isSlicer: false, theme: null });
  assert.equal(languageOf("Mozilla/5.0"), undefined);
});

test("what is no language is left to the browser", () => {
  assert.equal(languageOf("BBL-Language/x"), undefined);
  assert.equal(languageOf("BBL-Language/de_1"), "de");
});
