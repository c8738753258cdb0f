/** Where a key is kept, in the page's words; the agent names the place in English. */
import type { Settings } from "../../lib/api/desk-types";
import { t } from "../../lib/i18n";

export function keyPlace(place: string): string {
  const [, keyring] = /^keyring: (.+)$/.exec(place) ?? [];
  if (keyring) return t("key-place.keyring", { name: keyring });
  return place.startsWith("file secrets.json") ? t("key-place.file") : place;
}

/** Where a key will be kept, as far as the page may know. */
export function keyWillBe(settings: Settings | null): string {
  return settings ? t("key-place.will-be", { place: keyPlace(settings.secrets_in) }) : t("key-place.stays");
}
