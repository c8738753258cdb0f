/** The models of the team that this person may use, and the one that was picked last. */
import { recall, remember } from "../../lib/storage";
import { models } from "../api/models";

export interface Choice {
  name: string;
  isCloud: boolean;
}

export class TeamModels {
  items = $state.raw<Choice[]>([]);
  isLoaded = $state(false);
  standard = $state<string | null>(null);
  standardForCode = $state<string | null>(null);
  lastPick = $state<string | null>(recall<string | null>("hub.model", null));
  /** Pictures are not sent from here. */
  readonly imageReader = null;

  async load(): Promise<void> {
    const list = await models();
    const able = list.items.filter((one) => !one.capabilities.length || one.capabilities.includes("completion"));
    const named = [...list.routes, ...able].map(({ name, is_cloud }) => ({ name, isCloud: is_cloud }));
    this.items = named.filter(({ name }, at) => named.findIndex((other) => other.name === name) === at);
    this.standard = list.default_model;
    this.standardForCode = list.code_model;
    this.isLoaded = true;
  }

  visionObstacle(): null {
    return null;
  }

  rememberPick(name: string | null): void {
    this.lastPick = name;
    remember("hub.model", name);
  }
}
