import assert from "node:assert/strict";
import test from "node:test";

import type { Layers } from "../src/lib/api/slicer-types";

Object.defineProperty(globalThis, "navigator", { value: { userAgent: "", platform: "", languages: [] } });
const { plotsOf, positions, remarkable } = await import("../src/lib/plots/layer-series");
const { limitsOf } = await import("../src/panel/pages/report/limits");
const { comparePlace, placeOf, presetPlace } = await import("../src/panel/pages/presets/places");

const NONE = [0, 0, 0];
const layers = (fields: Partial<Layers>): Layers => ({
  z_mm: [0.2, 0.4, 0.6], height_mm: [0.2, 0.2, 0.2], seconds: [30, 8, 12], max_flow_mm3_s: [4, 11, 9], mean_flow_mm3_s: [3, 6, 5],
  max_speed_mm_s: NONE, mean_speed_mm_s: NONE, nozzle_c: [220, 215, 215], bed_c: NONE, fan_percent: NONE,
  filament_mm: NONE, travel_mm: NONE, retractions: NONE, ...fields,
});

test("only what a file tells is drawn", () => {
  const plots = plotsOf(layers({}), { flow: 8, nozzle: null });
  assert.deepEqual(plots.map((plot) => [plot.id, plot.lines.length]), [["flow", 2], ["time", 1], ["temperature", 1]]);
  assert.equal(plots[0]?.limit?.value, 8);
});

test("one looks for the highest flow and for the shortest layer", () => {
  const [flow, time] = plotsOf(layers({}), { flow: null, nozzle: null });
  assert.ok(flow && time);
  assert.deepEqual([remarkable(flow), remarkable(time)], [1, 1]);
});

test("where objects are printed one after the other, layers stand by their number", () => {
  assert.deepEqual(positions(layers({})), { values: [0.2, 0.4, 0.6], areHeights: true });
  assert.deepEqual(positions(layers({ z_mm: [0.2, 0.4, 0.2] })), { values: [1, 2, 3], areHeights: false });
});

test("of several filaments the strictest limit counts", () => {
  const settings = { filament_max_volumetric_speed: "12,8", nozzle_temperature_range_high: "0,250" };
  assert.deepEqual(limitsOf(settings), { flow: 8, nozzle: 250 });
  assert.deepEqual(limitsOf({}), { flow: null, nozzle: null });
});

test("the name of a preset survives its address, whatever its letters", () => {
  const name = "0.20mm Standard @Own 50%/a";
  assert.deepEqual(placeOf(presetPlace("process", name)), { kind: "preset", type: "process", name });
  assert.deepEqual(placeOf(comparePlace("process", name, "b")), { kind: "compare", type: "process", a: name, b: "b" });
  assert.deepEqual(placeOf(comparePlace("process", name, "")), { kind: "compare", type: "process", a: name, b: "" });
  assert.deepEqual(placeOf("process/%E0%A4%A"), { kind: "preset", type: "process", name: "%E0%A4%A" });
  assert.deepEqual(placeOf("elsewhere/x"), { kind: "list" });
});
