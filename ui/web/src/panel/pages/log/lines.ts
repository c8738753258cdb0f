/** A line of the log as text. */
import type { LogEntry } from "../../../lib/api/desk-types";

const SHOWN = new Set(["timestamp", "level", "logger", "message", "event"]);

/** What a line tells besides its words: `status 200`. */
export function extras(entry: LogEntry): [string, string][] {
  return Object.entries(entry)
    .filter(([name, value]) => !SHOWN.has(name) && value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
}

/** One line each, oldest first, as a log reads. */
export function asText(entries: readonly LogEntry[]): string {
  const lines = entries.map((one) => {
    const more = extras(one).map(([name, value]) => `${name}=${value}`);
    return [one.timestamp, one.level.toUpperCase(), `${one.logger}:`, one.message, ...more].join(" ");
  });
  return `${lines.reverse().join("\n")}\n`;
}
