/** What the settings allow of model servers, told before an address or a key is typed. */
import type { Setting, Settings } from "../../../lib/api/desk-types";
import { t } from "../../../lib/i18n";

const inForce = (settings: Settings | null, name: string) => settings?.items.find((one) => one.name === name);

export const isCloudOff = (settings: Settings | null) => inForce(settings, "cloud")?.value === false;

/** Sentences; none where everything is allowed. */
export function boundsOf(settings: Settings | null): string[] {
  const cloud = inForce(settings, "cloud");
  const servers = inForce(settings, "allowed_backends");
  return [
    cloud?.value === false ? `${t("backends:no-cloud")} ${whose(cloud)}` : "",
    servers?.value ? `${t("backends:only-these", { addresses: String(servers.value) })} ${whose(servers)}` : "",
  ].filter(Boolean);
}

function whose(setting: Setting): string {
  const { is_fixed, name } = setting;
  return is_fixed ? t("backends:fixed-by", { name: setting.source_name ?? name }) : t("backends:set-here", { name });
}
