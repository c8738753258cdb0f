import assert from "node:assert/strict";
import test from "node:test";

Object.defineProperty(globalThis, "navigator", { value: { userAgent: "", platform: "", languages: ["de-AT", "en"] } });
const { directionOf, languageFor, measured } = await import("../src/lib/i18n/languages");

test("the first wish that can be met decides", () => {
  assert.equal(languageFor([undefined, "de-AT", "en"]), "de");
  assert.equal(languageFor(["zh-CN", "de_DE"]), "de");
  assert.equal(languageFor(["zh-CN"]), "en");
  assert.equal(languageFor([]), "en");
});

test("languages that are written from right to left say so", () => {
  assert.equal(directionOf("he-IL"), "rtl");
  assert.equal(directionOf("de"), "ltr");
});

test("a unit stays behind its number where one reads from right to left", () => {
  assert.equal(measured("285 °C", "de"), "285 °C");
  assert.equal(measured("285 °C", "he"), "\u2066285 °C\u2069");
});
