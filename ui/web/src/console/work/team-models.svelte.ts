/** The models of the team that this person may use, and the one that was picked last. */
import { t } from "../../lib/i18n";
import { recall, remember } from "../../lib/storage";
import { models } from "../api/models";

export interface Choice {
  name: string;
  isCloud: boolean;
  /** Whether it looks at pictures; `null` where nobody says. */
  sees: boolean | null;
}

export class TeamModels {
  items = $state.raw<Choice[]>([]);
  isLoaded = $state(false);
  standard = $state<string | null>(null);
  standardForCode = $state<string | null>(null);
  lastPick = $state<string | null>(recall<string | null>("hub.model", null));
  /** Who answers is chosen by the hub, which says so in the answer. */
  readonly imageReader = null;
  readonly seeing = $derived(this.items.filter(({ sees }) => sees).map(({ name }) => name));

  async load(): Promise<void> {
    const list = await models();
    const able = list.items.filter((one) => !one.capabilities.length || one.capabilities.includes("completion"));
    /** On the premises as well: there it is asked first. */
    const isFar = (wanted: string) => able.every(({ name, is_cloud }) => name !== wanted || is_cloud);
    const named = [
      ...list.routes.map(({ name, is_cloud }) => ({ name, isCloud: is_cloud, sees: null })),
      ...able.map(({ name, capabilities }) => ({ name, isCloud: isFar(name), sees: capabilities.length ? capabilities.includes("vision") : null })),
    ];
    this.items = named.filter(({ name }, at) => named.findIndex((other) => other.name === name) === at);
    this.standard = list.default_model;
    this.standardForCode = list.code_model;
    this.isLoaded = true;
  }

  /** What stands in the way of sending pictures to `picked`; `null` if nothing does. */
  visionObstacle(picked: string | null): string | null {
    const name = picked ?? this.standard;
    if (name === null) return this.items.some(({ sees }) => sees !== false) ? null : t("hub-work:none-sees");
    return this.isBlind(name) ? t("chat:images.cannot-see", { model: name }) : null;
  }

  isBlind(name: string | null): boolean {
    return this.items.find((one) => one.name === name)?.sees === false;
  }

  rememberPick(name: string | null): void {
    this.lastPick = name;
    remember("hub.model", name);
  }
}
