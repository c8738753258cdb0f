/** What the report of a file shows first, taken from what the file says of itself. */
import type { Finding, Job, Severity, SlicerFileShort } from "../../../lib/api/slicer-types";
import { bytes, count } from "../../../lib/format";
import { locale } from "../../../lib/host";
import { t } from "../../../lib/i18n";
import { grams, metres, millimetres, printTime } from "../../../lib/units";

export interface Fact {
  icon: string;
  name: string;
  value: string;
}

/** What a run that sends a file does, where that is not the sending itself. */
const STEPS = ["waiting", "checking", "verifying", "starting"] as const;

/** What is being done, and its amounts: "Sending it to voron", "12 MB of 300 MB". */
export function sendingWords(run: { status: string; detail: string; completed: number; total: number }, printer: string): [string, string] {
  const step = STEPS.find((one) => one === run.status);
  if (step) return [t(`files:sending.${step}`, { printer }), run.detail];
  const amounts = { done: bytes(run.completed), total: bytes(run.total) };
  return [t("files:sending.sending", { printer }), run.total ? t("files:sending.part", amounts) : ""];
}

/** Printers print G-code, and no projects. */
export const isPrintable = (file: SlicerFileShort): boolean => file.kind === "gcode" && !/\.3mf$/i.test(file.name);

export const jobWords = (job: Job): string => t(`files:job.${job.state}`);
export const countOf = (findings: readonly Finding[], severity: Severity): number =>
  findings.filter((one) => one.severity === severity).length;

/** Where a file came from. */
export function sourceWords(source: string): string {
  switch (source) {
    case "upload":
    case "file":
    case "variant":
      return t(`files:source.${source}`);
    case "octoprint":
    case "moonraker":
      return t("files:source.slicer");
    case "post-process":
      return t("files:source.export");
    default:
      return source;
  }
}

export function totalGrams(file: SlicerFileShort): number {
  return file.filament_grams.reduce<number>((sum, one) => sum + (one ?? 0), 0);
}

export function factsOf(file: SlicerFileShort): Fact[] {
  const weight = totalGrams(file);
  const length = file.filaments.reduce((sum, one) => sum + (one.used_mm ?? 0), 0);
  const cost = file.filaments.reduce((sum, one) => sum + (one.cost ?? 0), 0);
  const height = file.max_z_mm ? `, ${millimetres(file.max_z_mm)}` : "";
  const all: [string, string, string | null][] = [
    ["clock", t("files:fact.time"), file.estimated_seconds ? printTime(file.estimated_seconds) : null],
    ["clock", t("files:fact.first-layer"), file.first_layer_seconds ? printTime(file.first_layer_seconds) : null],
    ["weight", t("files:fact.weight"), weight ? grams(weight) : null],
    ["spool", t("files:fact.filament"), length ? metres(length) : null],
    ["spool", t("files:fact.cost"), cost ? cost.toLocaleString(locale, { maximumFractionDigits: 2 }) : null],
    ["layers", t("files:fact.layers"), file.layers ? `${count(file.layers)}${height}` : null],
    ["refresh-cw", t("files:fact.changes"), file.filament_changes ? count(file.filament_changes) : null],
    ["printer", t("files:fact.printer"), file.printer],
    ["cpu", t("files:fact.made-by"), file.generator],
    ["file-text", t("files:fact.size"), bytes(file.size_bytes)],
  ];
  return all.flatMap(([icon, name, value]) => (value ? [{ icon, name, value }] : []));
}
