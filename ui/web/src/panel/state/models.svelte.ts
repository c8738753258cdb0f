/** The installed models, and which one the user picked. */
import * as agent from "../../lib/api/agent";
import type { Model } from "../../lib/api/types";
import { t } from "../../lib/i18n";
import { recall, remember } from "../../lib/storage";

export class Models {
  /** Those that can chat; an embedding model cannot answer anybody. */
  items = $state.raw<Model[]>([]);
  isLoaded = $state(false);
  standard = $state<string | null>(null);
  /** Who answers a question with pictures that nobody picked a model for. */
  standardWithVision = $state<string | null>(null);
  /** The user's last choice for new conversations; `null` leaves it to the agent. */
  lastPick = $state<string | null>(recall<string | null>("model", null));

  async load(): Promise<void> {
    const list = await agent.models();
    this.items = list.items.filter(canChat);
    this.isLoaded = true;
    this.standard = list.default_model;
    this.standardWithVision = list.default_vision_model;
  }

  rememberPick(name: string | null): void {
    this.lastPick = name;
    remember("model", name);
  }

  /** Names are compared as the agent does it: in any case, `:latest` implied. */
  find(name: string | null): Model | undefined {
    return name === null ? undefined : this.items.find((model) => canonical(model.name) === canonical(name));
  }

  get withVision(): Model[] {
    return this.items.filter((model) => model.capabilities.includes("vision"));
  }

  /** Which model looks at images that nobody picked a model for, in words; `null` if it goes without saying. */
  get imageReader(): string | null {
    const reader = this.standardWithVision;
    return reader && reader !== this.standard ? t("chat:images.reader", { model: reader }) : null;
  }

  /** What stands in the way of sending images to `picked`; `null` if nothing does. */
  visionObstacle(picked: string | null): string | null {
    if (!this.items.length) return t("chat:images.nobody");
    if (picked === null) {
      return this.withVision.length ? null : t("chat:images.none-sees");
    }
    return this.isBlind(picked) ? t("chat:images.cannot-see", { model: picked }) : null;
  }

  /** Whether it is known that this one does not look at pictures. */
  isBlind(name: string | null): boolean {
    const model = this.find(name);
    return model !== undefined && !model.capabilities.includes("vision");
  }
}

function canonical(name: string): string {
  const short = name.trim().toLowerCase().replace(/^registry\.ollama\.ai\//, "").replace(/^library\//, "");
  return /:[^/]*$/.test(short) ? short : `${short}:latest`;
}

/** What says nothing about itself may well be able to. */
function canChat(model: Model): boolean {
  return !model.capabilities.length || model.capabilities.includes("completion");
}
