/** What is known of printers' kinds and states; the words for them are in printers.json. */
import type { Hold, PrinterKind, PrinterState } from "../../../lib/api/slicer-types";

export const KINDS: readonly PrinterKind[] = ["octoprint", "moonraker", "prusalink"];

export const EXAMPLES: Record<PrinterKind, string> = {
  octoprint: "http://192.168.1.40",
  moonraker: "http://192.168.1.41:7125",
  prusalink: "http://192.168.1.42",
};

export const HOLDS: readonly Hold[] = ["blocking", "always", "never"];

/** What is heated, where it goes by a name that the pages have a word for. */
export const HEATERS = ["nozzle", "bed", "chamber"] as const;

export const MOODS: Record<PrinterState["state"], "ok" | "warn" | "off" | ""> = {
  idle: "ok",
  printing: "ok",
  paused: "warn",
  busy: "warn",
  error: "off",
  offline: "off",
  unknown: "",
};
