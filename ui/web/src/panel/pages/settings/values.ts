/** A setting's value between the agent and a control of the page. */
import type { Setting, SettingValue } from "../../../lib/api/desk-types";
import { number } from "../../../lib/format";
import { t } from "../../../lib/i18n";

/** What will count: what waits for the restart, else what counts already. */
export function wanted(setting: Setting): SettingValue {
  return setting.is_pending ? setting.pending : setting.value;
}

/** Which value to send so that it is as it is now. */
export function toUndo(setting: Setting): SettingValue {
  return setting.source === "file" || setting.is_pending ? wanted(setting) : null;
}

export const isChanged = (setting: Setting) => setting.source !== "default" || setting.is_pending;

/** Whether something else than the default will count, by what is kept in the file. */
export const isOwn = (setting: Setting) => !setting.is_fixed && String(wanted(setting) ?? "") !== String(setting.default ?? "");

/** Whether nothing at all is a value of its own. */
export const isEmpty = (value: SettingValue) => value === null || value === "";

export function asText(value: SettingValue): string {
  return value === null ? "" : String(value);
}

/** What was typed, as the agent takes it; a sentence where it cannot be. */
export function parsed(setting: Setting, text: string): { value: SettingValue } | { problem: string } {
  const typed = text.trim();
  if (setting.kind !== "integer" && setting.kind !== "number") {
    return { value: typed === "" && isEmpty(setting.default) ? null : typed };
  }
  if (typed === "") return { value: null };
  const value = numberIn(typed);
  if (value === null || (setting.kind === "integer" && !/^[-+]?\d+$/.test(typed))) {
    return { problem: t(setting.kind === "integer" ? "settings:whole-number" : "settings:a-number") };
  }
  const { minimum, maximum } = setting;
  const isTooLittle = minimum !== null && (setting.is_above_minimum ? value <= minimum : value < minimum);
  if (isTooLittle || (maximum !== null && value > maximum)) return { problem: limits(setting) };
  return { value };
}

/** A comma may stand before the decimals; what could as well part thousands is no number. */
function numberIn(typed: string): number | null {
  const value = Number(/^[-+]?\d*,\d+$/.test(typed) && !/^[-+]?\d{1,3},\d{3}$/.test(typed) ? typed.replace(",", ".") : typed);
  return Number.isFinite(value) ? value : null;
}

/** "from 1 to 100", or nothing where there is no bound. */
export function limits({ minimum, maximum, is_above_minimum }: Setting): string {
  if (minimum !== null && maximum !== null && is_above_minimum) {
    return t("settings:above-to", { from: number(minimum), to: number(maximum) });
  }
  if (minimum !== null && maximum !== null) return t("settings:from-to", { from: number(minimum), to: number(maximum) });
  if (minimum !== null) return t(is_above_minimum ? "settings:above" : "settings:from", { from: number(minimum) });
  return maximum !== null ? t("settings:to", { to: number(maximum) }) : "";
}

/** A value in words. */
export function inWords(setting: Setting, value: SettingValue): string {
  if (value === null || value === "") return t("settings:empty");
  if (typeof value === "boolean") return t(value ? "settings:on" : "settings:off");
  if (typeof value === "string") return value;
  return setting.unit ? `${number(value)}\u00a0${unitOf(setting)}` : number(value);
}

/** Units that are words come in the language of the page. */
export function unitOf({ unit }: Setting): string {
  if (unit === "days") return t("settings:days");
  if (unit === "requests/min") return t("settings:requests-per-minute");
  return unit === "tokens" ? t("settings:tokens") : unit;
}
