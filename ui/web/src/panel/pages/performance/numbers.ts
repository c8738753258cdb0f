/** What the plots and tables of the performance page show, made from the agent's telemetry. */
import type { ModelPerformance, ProjectDay, Spread } from "../../../lib/api/types";
import type { Day } from "../../../lib/plots/DaysPlot.svelte";

const DAY_MS = 86_400_000;
/** Left by the asker: nothing went wrong. */
const WELL = new Set(["done", "cancelled"]);

export const PERIODS = [
  { id: "hour", ms: 3_600_000 },
  { id: "day", ms: DAY_MS },
  { id: "week", ms: 7 * DAY_MS },
  { id: "month", ms: 30 * DAY_MS },
] as const;

export interface Project {
  name: string;
  requests: number;
  failures: number;
  promptTokens: number;
  completionTokens: number;
}

export function failuresOf(outcomes: Record<string, number>): number {
  return Object.entries(outcomes).reduce((sum, [name, value]) => sum + (WELL.has(name) ? 0 : value), 0);
}

export function highest(items: readonly ModelPerformance[], pick: (one: ModelPerformance) => Spread | null): number {
  return Math.max(0, ...items.map((one) => pick(one)?.p99 ?? 0));
}

/** Every day of the period, those without a request too. */
export function byDay(items: readonly ProjectDay[], sinceMs: number, now: number): Day[] {
  const days = new Map<string, Day>();
  for (let at = sinceMs; at < now + DAY_MS; at += DAY_MS) {
    const day = new Date(Math.min(at, now)).toISOString().slice(0, 10);
    days.set(day, { day, well: 0, badly: 0 });
  }
  for (const item of items) {
    const day = days.get(item.day);
    if (!day) continue;
    const well = item.done + item.cancelled;
    day.well += well;
    day.badly += item.requests - well;
  }
  return Array.from(days.values());
}

/** Busiest first. */
export function byProject(items: readonly ProjectDay[]): Project[] {
  const projects = new Map<string, Project>();
  for (const item of items) {
    const found = projects.get(item.project) ?? {
      name: item.project,
      requests: 0,
      failures: 0,
      promptTokens: 0,
      completionTokens: 0,
    };
    found.requests += item.requests;
    found.failures += item.requests - item.done - item.cancelled;
    found.promptTokens += item.prompt_tokens;
    found.completionTokens += item.completion_tokens;
    projects.set(item.project, found);
  }
  return Array.from(projects.values()).sort((a, b) => b.requests - a.requests);
}
