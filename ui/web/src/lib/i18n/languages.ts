/** The languages that the pages speak, and which of them somebody gets. */
export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];

/** What each calls itself. */
export const NAMES: Record<Language, string> = { en: "English", de: "Deutsch" };

// ISO 15924 scripts that run from right to left, by the languages written in them.
const RIGHT_TO_LEFT = new Set(["ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"]);

/** The first wish that can be met; `de-AT` is met by `de`. */
export function languageFor(wishes: readonly (string | null | undefined)[]): Language {
  for (const wish of wishes) {
    const primary = wish?.toLowerCase().split(/[-_]/)[0];
    const met = LANGUAGES.find((one) => one === primary);
    if (met) return met;
  }
  return "en";
}

export function directionOf(language: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.has(language.split(/[-_]/)[0] ?? "") ? "rtl" : "ltr";
}

/** Number and unit in their order, whichever way the words around them run. */
export function measured(text: string, language: string): string {
  return directionOf(language) === "rtl" ? `\u2066${text}\u2069` : text;
}
