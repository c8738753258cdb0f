/** Asks the agent what OrcaSlicer's own Test asks a print host. */
import { t } from "../../../lib/i18n";

export interface Tried {
  ok: boolean;
  words: string;
}

/** With the key alone: this page's session must not open what the key does not. */
export async function tryHost(path: string, key: string): Promise<Tried> {
  const response = await fetch(`${path}/api/version`, {
    headers: { "X-Api-Key": key },
    credentials: "omit",
    cache: "no-store",
  });
  const text = (await response.text()).trim();
  if (!response.ok) return { ok: false, words: t("printers:tried-refused", { why: text.slice(0, 300) || `HTTP ${response.status}` }) };
  const about: unknown = JSON.parse(text);
  const isHost = typeof about === "object" && about !== null && "api" in about;
  return isHost
    ? { ok: true, words: t("printers:tried-ok") }
    : { ok: false, words: t("printers:tried-no-host") };
}
