/** What programs say of themselves, in words. */
import { t } from "../lib/i18n";

const BROWSERS: [RegExp, string][] = [
  [/Edg\//, "Edge"],
  [/Firefox\//, "Firefox"],
  [/Chrome\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/Windows/, "Windows"],
  [/iPhone|iPad/, "iOS"],
  [/Mac OS/, "macOS"],
  [/Android/, "Android"],
  [/Linux/, "Linux"],
];

const named = (names: [RegExp, string][], text: string) => names.find(([pattern]) => pattern.test(text))?.[1];

/** The browser and system of a `User-Agent`; a program's own name where it is no browser. */
export function programWords(userAgent: string): string {
  const browser = named(BROWSERS, userAgent);
  const system = named(SYSTEMS, userAgent);
  if (!browser) return userAgent.split(/[\s/]/)[0] || t("unknown");
  return system ? `${browser} · ${system}` : browser;
}

/** `qwen3*, gpt-4o*` as a list. */
export const patternsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
