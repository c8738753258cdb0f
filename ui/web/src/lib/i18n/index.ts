/**
 * The words of the pages, by language. i18next holds them, knows plurals and fills in what varies;
 * the files en/*.json and de/*.json are in its form (https://www.i18next.com/misc/json-format).
 *
 * A page's words arrive with the page: `load` names the file beside the page's own code.
 */
import i18next from "i18next";

import { locale } from "../host";
import { directionOf, languageFor, LANGUAGES, type Language } from "./languages";
import type { Area } from "./words";

const files = import.meta.glob<{ default: Record<string, unknown> }>("./*/*.json");

export const language: Language = languageFor([
  locale,
  ...navigator.languages,
]);

export const t = i18next.t;

/** Before the first word is shown. The areas are those that the first page needs. */
export async function start(...areas: Area[]): Promise<void> {
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
  await i18next.init({
    lng: language,
    fallbackLng: "en",
    supportedLngs: LANGUAGES,
    defaultNS: "common",
    ns: [],
    resources: {},
    interpolation: { escapeValue: false }, // Svelte escapes
  });
  await load(...areas);
}

/** What the hub's pages say otherwise than the agent's, where both have the same words. */
export function sayInstead(words: Record<string, string>, area: Area = "common"): void {
  for (const [key, text] of Object.entries(words)) i18next.addResource(language, area, key, text);
}

/** The words of these areas; those that are there already take no time. Raises if one does not
 * arrive, as any other part of the page. */
export async function load(...areas: Area[]): Promise<void> {
  await Promise.all(
    areas.map(async (area) => {
      if (i18next.hasResourceBundle(language, area)) return;
      const read = files[`./${language}/${area}.json`];
      if (read) i18next.addResourceBundle(language, area, (await read()).default);
    }),
  );
}
