/** Measures of prints, in the user's locale; number and unit stay on one line. */
import { span } from "./format";
import { locale } from "./host";

const formats = [0, 1, 2, 3].map((digits) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }));
const SPACE = "\u00a0";

function number(value: number, digits: 0 | 1 | 2 | 3): string {
  return formats[digits]?.format(value) ?? String(value);
}

export const grams = (value: number) => `${number(value, value < 10 ? 2 : 1)}${SPACE}g`;
export const millimetres = (value: number) => `${number(value, 2)}${SPACE}mm`;
export const metres = (lengthMm: number) => `${number(lengthMm / 1000, lengthMm < 10_000 ? 2 : 1)}${SPACE}m`;
export const celsius = (value: number) => `${number(value, 0)}${SPACE}°C`;
export const speed = (value: number) => `${number(value, value < 10 ? 1 : 0)}${SPACE}mm/s`;
export const flow = (value: number) => `${number(value, value < 10 ? 2 : 1)}${SPACE}mm³/s`;
export const percentOf = (value: number) => `${number(value, 0)}${SPACE}%`;

/** How long a print takes: 45 s, 3 min 20 s, 1 h 5 min, 2 d 3 h. */
export function printTime(seconds: number): string {
  if (seconds < 86_400) return span(seconds).replace(/ /g, SPACE);
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  return hours ? `${days}${SPACE}d ${hours}${SPACE}h` : `${days}${SPACE}d`;
}
