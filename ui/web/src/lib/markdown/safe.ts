/** Markdown to HTML that may stand on the page. */
import { t } from "../i18n";
import { toHtml } from "./render";
import { sanitise } from "./sanitise";

export function toSafeHtml(source: string): string {
  return sanitise(toHtml(source, { copy: t("copy"), table: t("table") }));
}
