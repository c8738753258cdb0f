/** Where a key is kept, in the page's words; the agent names the place in English. */
import { t } from "../../lib/i18n";

export function keyPlace(place: string): string {
  const [, keyring] = /^keyring: (.+)$/.exec(place) ?? [];
  if (keyring) return t("key-place.keyring", { name: keyring });
  return place.startsWith("file secrets.json") ? t("key-place.file") : place;
}
