/** Numbers, sizes and times in the user's locale. */

import { locale } from "./host";
import { language, t } from "./i18n";
import { measured } from "./i18n/languages";

type Format = Intl.DateTimeFormat;

const decimal = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const plain = new Intl.NumberFormat(locale, { maximumFractionDigits: 3, useGrouping: false });
const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const dayAndMonth = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const minuteOfYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const utcDay = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
const utcMonth = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric", timeZone: "UTC" });
const timeOfDay = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const fullDate = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const fullTime = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });

const inOrder = (text: string) => measured(text, language);

export function bytes(size: number): string {
  if (size < 1e6) return inOrder(`${whole.format(size / 1e3)} kB`);
  return inOrder(size < 1e9 ? `${whole.format(size / 1e6)} MB` : `${decimal.format(size / 1e9)} GB`);
}

export function count(value: number): string {
  return whole.format(value);
}

/** As one would type it: without signs between the thousands. */
export function number(value: number): string {
  return plain.format(value);
}

export function rate(tokensPerSecond: number): string {
  return t("tokens-per-second", { rate: (tokensPerSecond < 100 ? decimal : whole).format(tokensPerSecond) });
}

export function duration(milliseconds: number): string {
  return inOrder(milliseconds < 1000 ? `${whole.format(milliseconds)} ms` : `${decimal.format(milliseconds / 1000)} s`);
}

/** Whole units for what takes long: 45 s, 3 min 20 s, 1 h 5 min. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return inOrder(`${s} s`);
  const [large, small, names] = s < 3600 ? [s / 60, s % 60, ["min", "s"]] : [s / 3600, (s % 3600) / 60, ["h", "min"]];
  return inOrder(Math.floor(small) ? `${Math.floor(large)} ${names[0]} ${Math.floor(small)} ${names[1]}` : `${Math.floor(large)} ${names[0]}`);
}

export function share(part: number, of: number): string {
  return percent.format(of ? part / of : 0);
}

/** Short enough for a list: the hour and minute today, the day and month this year, else the date. */
export function when(time: string, now = Date.now()): string {
  return nearer(time, now, [clock, dayAndMonth, date]);
}

/** As `when`, and to the minute always: for what follows each other on one day. */
export function toTheMinute(time: string, now = Date.now()): string {
  return nearer(time, now, [clock, minuteOfYear, fullDate]);
}

/** By the first format today, the second this year, else the third. */
function nearer(time: string, now: number, formats: [today: Format, thisYear: Format, earlier: Format]): string {
  const [then, here] = [new Date(time), new Date(now)];
  if (then.toDateString() === here.toDateString()) return formats[0].format(then);
  return formats[then.getFullYear() === here.getFullYear() ? 1 : 2].format(then);
}

/** A day such as 2026-01-31, which is one of UTC. */
export function dayOf(day: string): string {
  return day ? utcDay.format(new Date(`${day}T00:00:00Z`)) : "";
}

/** A month such as 2026-01. */
export function monthOf(month: string): string {
  return utcMonth.format(new Date(`${month}-01T00:00:00Z`));
}

export function atTime(time: string): string {
  return timeOfDay.format(new Date(time));
}

export function toTheSecond(time: string): string {
  return fullTime.format(new Date(time));
}

export function exactly(time: string): string {
  return fullDate.format(new Date(time));
}
