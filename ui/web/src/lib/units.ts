/** Measures of prints, in the user's locale; number and unit stay on one line. */
import { span } from "./format";
import { locale } from "./host";
import { language } from "./i18n";
import { measured } from "./i18n/languages";

const formats = [0, 1, 2, 3].map((digits) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }));
const SPACE = "\u00a0";

type Digits = 0 | 1 | 2 | 3;

function inUnit(value: number, digits: Digits, unit: string): string {
  return measured(`${formats[digits]?.format(value) ?? value}${SPACE}${unit}`, language);
}

export const grams = (value: number) => inUnit(value, value < 10 ? 2 : 1, "g");
export const millimetres = (value: number) => inUnit(value, 2, "mm");
export const metres = (lengthMm: number) => inUnit(lengthMm / 1000, lengthMm < 10_000 ? 2 : 1, "m");
export const celsius = (value: number) => inUnit(value, 0, "°C");
export const speed = (value: number) => inUnit(value, value < 10 ? 1 : 0, "mm/s");
export const flow = (value: number) => inUnit(value, value < 10 ? 2 : 1, "mm³/s");
export const percentOf = (value: number) => inUnit(value, 0, "%");

/** How long a print takes: 45 s, 3 min 20 s, 1 h 5 min, 2 d 3 h. */
export function printTime(seconds: number): string {
  if (seconds < 86_400) return span(seconds).replace(/ /g, SPACE);
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  return measured(hours ? `${days}${SPACE}d ${hours}${SPACE}h` : `${days}${SPACE}d`, language);
}
