/** Programs, patterns, money and limits in words. */
import { locale } from "../lib/host";
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

const coins = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const smallCoins = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 6 });

/** An amount of the hub's currency, whichever that is. */
export const money = (amount: number): string => (amount !== 0 && Math.abs(amount) < 0.1 ? smallCoins : coins).format(amount);

interface Limits {
  requests?: number | null;
  tokens?: number | null;
  cost_micros?: number | null;
}

/** What is limited: “200 requests”, “1,000,000 tokens”. */
export function limitWords({ requests, tokens, cost_micros: micros }: Limits): string[] {
  return [
    requests == null ? "" : t("hub:limits.requests", { count: requests }),
    tokens == null ? "" : t("hub:limits.tokens", { count: tokens }),
    micros == null ? "" : t("hub:limits.money", { amount: money(micros / 1e6) }),
  ].filter(Boolean);
}
