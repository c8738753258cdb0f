/** The groups of settings: their names, and the settings in each. */
import type { Setting } from "../../../lib/api/desk-types";
import { t } from "../../../lib/i18n";
import type { Words } from "../../../lib/i18n/words";

/** In the order of the page. */
const NAMES: Record<string, () => string> = {
  desktop: () => t("settings:groups.desktop"),
  updates: () => t("settings:groups.updates"),
  plugin: () => t("settings:groups.plugin"),
  models: () => t("settings:groups.models"),
  limits: () => t("settings:groups.limits"),
  answers: () => t("settings:groups.answers"),
  images: () => t("settings:groups.images"),
  slicer: () => t("settings:groups.slicer"),
  printing: () => t("settings:groups.printing"),
  backup: () => t("settings:groups.backup"),
  log: () => t("settings:groups.log"),
  network: () => t("settings:groups.network"),
  other: () => t("settings:groups.other"),
  access: () => t("settings:groups.access"),
};

/** Groups that show more than settings. */
const ALWAYS = new Set(["desktop", "updates", "plugin", "access"]);

/** What else is found in a group. */
const MORE: Record<string, () => string> = { access: () => t("settings:access-words") };

export interface Group {
  id: string;
  name: string;
  items: Setting[];
}

type Known = keyof Words["setting-words"]["names"];

/** What a setting is called for people; by its own name if the page does not know it yet. */
export const titleOf = ({ name }: Setting) => t(`setting-words:names.${name as Known}`, { defaultValue: name.replaceAll("_", " ") });

/** What it does. The agent's own sentence is in English. */
export const aboutOf = ({ name, description }: Setting) => t(`setting-words:about.${name as Known}`, { defaultValue: description });

/** Those that have something to show for what is sought. */
export function grouped(items: readonly Setting[], sought: string, isShown: (setting: Setting) => boolean): Group[] {
  const ids = new Set([...Object.keys(NAMES), ...items.map((one) => one.group)]);
  const parts = sought.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = Array.from(ids, (id): Group & { isMet: boolean } => {
    const name = NAMES[id]?.() ?? id;
    const own = items.filter((one) => one.group === id && isShown(one));
    const found = own.filter((one) => meets(`${name} ${titleOf(one)} ${one.name} ${aboutOf(one)}`, parts));
    return { id, name, items: found, isMet: found.length > 0 || (ALWAYS.has(id) && meets(`${name} ${MORE[id]?.() ?? ""}`, parts)) };
  });
  return groups.filter((one) => one.isMet);
}

function meets(text: string, parts: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return parts.every((part) => lower.includes(part));
}
