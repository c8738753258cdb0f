import assert from "node:assert/strict";
import { test } from "node:test";

import { linesOf, roofOf } from "../src/console/plots/days";

test("the top line of a plot lies at or above the highest value", () => {
  const tops = [0, 1, 3, 7, 10, 77, 101, 999, 2_500_000].map((most) => roofOf(most, true));
  assert.deepEqual(tops, [1, 1, 4, 8, 10, 80, 200, 1000, 4_000_000]);
});

test("no line lies at half of something that is counted", () => {
  assert.deepEqual(
    [0, 1, 2, 5].map((most) => linesOf(most, true)),
    [
      [0, 1],
      [0, 1],
      [0, 1, 2],
      [0, 3, 6],
    ],
  );
  assert.deepEqual(linesOf(0.2, false), [0, 0.1, 0.2]);
});
