import assert from "node:assert/strict";
import test from "node:test";

process.env.TZ = "Europe/Berlin";
const SLICER = "BBL-Slicer/v2.3.1 (dark) BBL-Language/de_DE";
Object.defineProperty(globalThis, "navigator", { value: { userAgent: SLICER, platform: "", languages: ["en"] } });
const { exactly, toTheMinute, when } = await import("../src/lib/format");

const NOW = Date.parse("2026-03-10T12:00:00Z");
const TODAY = "2026-03-09T23:05:00Z";
const YESTERDAY = "2026-03-09T22:55:00Z";
const LAST_YEAR = "2025-12-31T22:30:00Z";

test("a time in a list is the minute today, the day this year, else the date", () => {
  assert.deepEqual(
    [TODAY, YESTERDAY, LAST_YEAR].map((one) => when(one, NOW)),
    ["00:05", "9. März", "31. Dez. 2025"],
  );
});

test("the year begins where the reader is", () => {
  const newYear = "2025-12-31T23:30:00Z";
  assert.deepEqual([when(newYear, NOW), when(newYear, Date.parse("2026-01-01T08:00:00Z"))], ["1. Jan.", "00:30"]);
});

test("messages of one day are told apart by the minute on every later day", () => {
  assert.deepEqual(
    [TODAY, YESTERDAY, LAST_YEAR].map((one) => toTheMinute(one, NOW)),
    ["00:05", "9. März, 23:55", "31.12.2025, 23:30"],
  );
  assert.equal(exactly(YESTERDAY), "09.03.2026, 23:55");
});
