/** What is said of printers, in the words of the page. */
import type { Hold, PrinterKind, PrinterState } from "../../../lib/api/slicer-types";

export const KINDS: Record<PrinterKind, { name: string; example: string; key: string }> = {
  octoprint: { name: "OctoPrint", example: "http://192.168.1.40", key: "An application key: OctoPrint → Settings → Application keys." },
  moonraker: { name: "Moonraker (Klipper)", example: "http://192.168.1.41:7125", key: "Empty, unless this Moonraker wants one from everybody." },
  prusalink: { name: "PrusaLink", example: "http://192.168.1.42", key: "The key, or the password if a user is given. The printer shows it under Settings → Network → PrusaLink." },
};

export const HOLDS: Record<Hold, string> = {
  blocking: "if a check finds something blocking",
  always: "always",
  never: "never: every file is sent on at once",
};

export const ACTIVITIES: Record<PrinterState["state"], { words: string; mood: "ok" | "warn" | "off" | "" }> = {
  idle: { words: "ready", mood: "ok" },
  printing: { words: "printing", mood: "ok" },
  paused: { words: "paused", mood: "warn" },
  busy: { words: "busy", mood: "warn" },
  error: { words: "reports an error", mood: "off" },
  offline: { words: "not reachable", mood: "off" },
  unknown: { words: "not heard yet", mood: "" },
};
