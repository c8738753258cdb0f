/** Usage by day as a plot wants it: every day of the time, also those on which nothing was used. */
import type { Usage } from "../api/types";

const DAY_MS = 86_400_000;
const MOST_DAYS = 1_000;

export type Amount = "requests" | "tokens" | "cost";

export function daysFrom(from: string, to: string): string[] {
  const first = Date.parse(`${from}T00:00:00Z`);
  const count = Math.round((Date.parse(`${to}T00:00:00Z`) - first) / DAY_MS) + 1;
  if (!(count > 0)) return [];
  return Array.from({ length: Math.min(count, MOST_DAYS) }, (_, at) => new Date(first + at * DAY_MS).toISOString().slice(0, 10));
}

/** Of one day, or of whatever else usage is counted by. */
export function amountOf(one: Pick<Usage, "requests" | "prompt_tokens" | "answer_tokens" | "cost_micros">, amount: Amount): number {
  if (amount === "requests") return one.requests;
  return amount === "tokens" ? one.prompt_tokens + one.answer_tokens : one.cost_micros / 1e6;
}

export function series(items: readonly Usage[], days: readonly string[], amount: Amount): number[] {
  const known = new Map(items.map((one) => [one.key, one]));
  return days.map((day) => {
    const found = known.get(day);
    return found ? amountOf(found, amount) : 0;
  });
}

/** Where the highest is; -1 where there is nothing. */
export function peak(values: readonly number[]): number {
  let at = -1;
  values.forEach((value, index) => {
    if (value > 0 && (at < 0 || value > (values[at] ?? 0))) at = index;
  });
  return at;
}

/** The round number at or above the highest value, in which a plot of it ends. */
export function roofOf(most: number, isWhole: boolean): number {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const roof = ([1, 2, 4, 6, 8, 10].find((one) => one * power >= most * 0.999_999) ?? 10) * power;
  return isWhole ? Math.max(1, roof) : roof;
}

/** Where lines lie across a plot: at nothing, in the middle and at the top; at no half of what is whole. */
export function linesOf(most: number, isWhole: boolean): number[] {
  const roof = roofOf(most, isWhole);
  return isWhole && roof % 2 ? [0, roof] : [0, roof / 2, roof];
}
