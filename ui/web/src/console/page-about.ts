/** What the console knows of a page before it is opened. */
import type { Component } from "svelte";

import { load as words } from "../lib/i18n";
import type { Area } from "../lib/i18n/words";

export type PageId = 
  | "overview"
  | "chat"
  | "generate"
  | "artefacts"
  | "users"
  | "groups"
  | "machines"
  | "providers"
  | "routes"
  | "policy"
  | "usage" | "runs"
  | "quotas"
  | "costs"
  | "audit"
  | "jobs"
  | "logins"
  | "settings"
  | "account";

export type Group = "work" | "team" | "models" | "operation" | "you";

export interface Listed {
  id: PageId;
  icon: string;
  /** Where it stands among the ways to the pages. */
  group: Group;
  isForAdministrators?: boolean;
  load: () => Promise<{ default: Component }>;
}

export interface PageAbout extends Listed {
  /** In hub.json under `pages`. */
  readonly title: string;
}

/** A page together with its words. */
export function page(code: () => Promise<{ default: Component }>, ...areas: Area[]): Listed["load"] {
  return async () => {
    const [loaded] = await Promise.all([code(), words(...areas)]);
    return loaded;
  };
}
