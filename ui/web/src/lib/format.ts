/** Numbers, sizes and times in the user's locale. */

const decimal = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const dayAndMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const fullDate = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

const DAY_MS = 86_400_000;

export function bytes(size: number): string {
  if (size < 1e6) return `${whole.format(size / 1e3)} kB`;
  return size < 1e9 ? `${whole.format(size / 1e6)} MB` : `${decimal.format(size / 1e9)} GB`;
}

export function count(value: number): string {
  return whole.format(value);
}

export function rate(tokensPerSecond: number): string {
  return `${decimal.format(tokensPerSecond)} tokens/s`;
}

export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${whole.format(milliseconds)} ms` : `${decimal.format(milliseconds / 1000)} s`;
}

/** Short enough for a list: the time today, the weekday this week, else the date. */
export function when(time: string, now = Date.now()): string {
  const date = new Date(time);
  if (new Date(now).toDateString() === date.toDateString()) return clock.format(date);
  return now - date.getTime() < 6 * DAY_MS ? weekday.format(date) : dayAndMonth.format(date);
}

export function exactly(time: string): string {
  return fullDate.format(new Date(time));
}
