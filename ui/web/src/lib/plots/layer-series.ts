/** What is drawn over a print's height: one plot each for flow, time, temperature, speed and fan. */
import type { Layers } from "../api/slicer-types";
import { t } from "../i18n";
import { printTime } from "../units";
import * as units from "../units";

export interface Line {
  name: string;
  values: readonly number[];
  /** Which of the page's colours. */
  colour: "--accent" | "--warning";
  dashed?: boolean;
}

export interface LayerPlot {
  id: string;
  title: string;
  lines: Line[];
  words: (value: number) => string;
  /** A line across: what must not be crossed, with its name. */
  limit: { value: number; name: string } | null;
  /** Whether the smallest value is what one looks for. */
  seeksLowest?: boolean;
}

export interface Limits {
  flow: number | null;
  nozzle: number | null;
}

/** The plots that have anything in them. */
export function plotsOf(layers: Layers, limits: Limits): LayerPlot[] {
  const all: LayerPlot[] = [
    {
      id: "flow",
      title: t("plots:titles.flow"),
      lines: [
        { name: t("plots:lines.highest"), values: layers.max_flow_mm3_s, colour: "--accent" },
        { name: t("plots:lines.mean"), values: layers.mean_flow_mm3_s, colour: "--warning", dashed: true },
      ],
      words: units.flow,
      limit: limits.flow ? { value: limits.flow, name: t("plots:lines.flow-limit") } : null,
    },
    {
      id: "time",
      title: t("plots:titles.time"),
      lines: [{ name: t("plots:lines.time"), values: layers.seconds, colour: "--accent" }],
      words: printTime,
      limit: null,
      seeksLowest: true,
    },
    {
      id: "temperature",
      title: t("plots:titles.temperature"),
      lines: [
        { name: t("plots:lines.nozzle"), values: layers.nozzle_c, colour: "--accent" },
        { name: t("plots:lines.bed"), values: layers.bed_c, colour: "--warning", dashed: true },
      ],
      words: units.celsius,
      limit: limits.nozzle ? { value: limits.nozzle, name: t("plots:lines.nozzle-limit") } : null,
    },
    {
      id: "speed",
      title: t("plots:titles.speed"),
      lines: [
        { name: t("plots:lines.highest"), values: layers.max_speed_mm_s, colour: "--accent" },
        { name: t("plots:lines.mean"), values: layers.mean_speed_mm_s, colour: "--warning", dashed: true },
      ],
      words: units.speed,
      limit: null,
    },
    {
      id: "fan",
      title: t("plots:titles.fan"),
      lines: [{ name: t("plots:lines.fan"), values: layers.fan_percent, colour: "--accent" }],
      words: units.percentOf,
      limit: null,
    },
  ];
  return all
    .map((plot) => ({ ...plot, lines: plot.lines.filter((line) => line.values.some((value) => value > 0)) }))
    .filter((plot) => plot.lines.length > 0);
}

/** The layer that one would look for first, counted from 0. */
export function remarkable(plot: LayerPlot): number {
  const values = plot.lines[0]?.values ?? [];
  let best = 0;
  values.forEach((value, at) => {
    const before = values[best] ?? 0;
    const isBetter = plot.seeksLowest ? value > 0 && (value < before || before === 0) : value > before;
    if (isBetter) best = at;
  });
  return best;
}

/** Heights if they only grow; else the number of each layer, since a plot runs from left to right. */
export function positions(layers: Layers): { values: number[]; areHeights: boolean } {
  const z = layers.z_mm;
  const areHeights = z.length > 0 && z.every((value, at) => at === 0 || value > (z[at - 1] ?? 0));
  return { values: areHeights ? [...z] : layers.seconds.map((_, at) => at + 1), areHeights };
}
