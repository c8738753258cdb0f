/** What the report of a file shows first, taken from what the file says of itself. */
import type { Finding, Job, JobState, Severity, SlicerFileShort } from "../../../lib/api/slicer-types";
import { bytes, count } from "../../../lib/format";
import { locale } from "../../../lib/host";
import { grams, metres, millimetres, printTime } from "../../../lib/units";

export interface Fact {
  icon: string;
  name: string;
  value: string;
}

const JOBS: Record<JobState, string> = {
  received: "kept here",
  checking: "its moves are looked at",
  held: "waits for a click",
  waiting: "waits for the printer",
  forwarding: "on its way to the printer",
  forwarded: "sent to the printer",
  failed: "not sent",
  rejected: "rejected",
  interrupted: "cut off on its way",
};

const SOURCES: Record<string, string> = {
  upload: "uploaded here",
  octoprint: "sent by the slicer",
  moonraker: "sent by the slicer",
  "post-process": "told by the slicer’s export",
  file: "read from this computer",
  variant: "sliced as a variant",
};

/** What a run that sends a file does, where that is not the sending itself. */
const STEPS: Record<string, string> = {
  waiting: "Waiting for",
  checking: "Asking",
  verifying: "Looking at what arrived at",
  starting: "Starting the print on",
};

/** What is being done, and its amounts: "Sending it to voron", "12 MB of 300 MB". */
export function sendingWords(run: { status: string; detail: string; completed: number; total: number }, printer: string): [string, string] {
  const step = STEPS[run.status];
  if (step) return [`${step} ${printer}`, run.detail];
  return [`Sending it to ${printer}`, run.total ? `${bytes(run.completed)} of ${bytes(run.total)}` : ""];
}

/** Printers print G-code, and no projects. */
export const isPrintable = (file: SlicerFileShort): boolean => file.kind === "gcode" && !/\.3mf$/i.test(file.name);

export const jobWords = (job: Job): string => JOBS[job.state];
export const sourceWords = (source: string): string => SOURCES[source] ?? source;
export const countOf = (findings: readonly Finding[], severity: Severity): number =>
  findings.filter((one) => one.severity === severity).length;

export function totalGrams(file: SlicerFileShort): number {
  return file.filament_grams.reduce<number>((sum, one) => sum + (one ?? 0), 0);
}

export function factsOf(file: SlicerFileShort): Fact[] {
  const weight = totalGrams(file);
  const length = file.filaments.reduce((sum, one) => sum + (one.used_mm ?? 0), 0);
  const cost = file.filaments.reduce((sum, one) => sum + (one.cost ?? 0), 0);
  const height = file.max_z_mm ? `, ${millimetres(file.max_z_mm)}` : "";
  const all: [string, string, string | null][] = [
    ["clock", "Time", file.estimated_seconds ? printTime(file.estimated_seconds) : null],
    ["clock", "First layer", file.first_layer_seconds ? printTime(file.first_layer_seconds) : null],
    ["weight", "Weight", weight ? grams(weight) : null],
    ["spool", "Filament", length ? metres(length) : null],
    ["spool", "Cost", cost ? cost.toLocaleString(locale, { maximumFractionDigits: 2 }) : null],
    ["layers", "Layers", file.layers ? `${count(file.layers)}${height}` : null],
    ["refresh-cw", "Filament changes", file.filament_changes ? count(file.filament_changes) : null],
    ["printer", "Printer", file.printer],
    ["cpu", "Made by", file.generator],
    ["file-text", "Size", bytes(file.size_bytes)],
  ];
  return all.flatMap(([icon, name, value]) => (value ? [{ icon, name, value }] : []));
}
