/** What the slicer's windows call its settings, read once for the whole page. */
import * as slicer from "../../../lib/api/slicer";
import type { PresetType, SettingKey } from "../../../lib/api/slicer-types";

let known: Promise<Map<string, SettingKey>> | null = null;

async function fetchKeys(): Promise<Map<string, SettingKey>> {
  const { items } = await slicer.keys();
  return new Map(items.map((one) => [one.key, one]));
}

export class SettingNames {
  #keys = $state.raw<Map<string, SettingKey>>(new Map());

  /** Without them the keys themselves are shown. */
  async load(): Promise<void> {
    known ??= fetchKeys();
    try {
      this.#keys = await known;
    } catch {
      known = null;
    }
  }

  labelOf = (key: string): string | null => this.#keys.get(key)?.label ?? null;
  typeOf = (key: string): PresetType | null => this.#keys.get(key)?.types[0] ?? null;
  unitOf = (key: string): string => this.#keys.get(key)?.unit ?? "";
}
