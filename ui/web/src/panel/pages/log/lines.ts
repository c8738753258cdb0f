/** A line of the log as text. */
import type { LogEntry } from "../../../lib/api/desk-types";

/** What a line tells besides its words: `status 200`. */
export function extras(entry: LogEntry): [string, string][] {
  return Object.entries(entry.details)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
}

/** As a log reads: oldest first. */
export function asText(newestFirst: readonly LogEntry[]): string {
  const entries = newestFirst.map((one) => {
    const more = extras(one).map(([name, value]) => `${name}=${value}`);
    const line = [one.timestamp, one.level.toUpperCase(), `${one.logger}:`, one.message, ...more].join(" ");
    return one.exception ? `${line}\n${one.exception.trimEnd()}` : line;
  });
  return `${entries.reverse().join("\n")}\n`;
}
