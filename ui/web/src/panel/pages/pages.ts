/** The pages beside the chat. Each is loaded when it is first opened. */
import type { Component } from "svelte";

import { load as words, t } from "../../lib/i18n";
import type { Area } from "../../lib/i18n/words";

export type PageId =
  | "files"
  | "held"
  | "printers"
  | "presets"
  | "calibration"
  | "diagnosis"
  | "models"
  | "backends"
  | "team"
  | "performance"
  | "runtime"
  | "queue"
  | "storage"
  | "log"
  | "settings"
  | "setup";

export interface PageAbout {
  id: PageId;
  /** In common.json under `pages`. */
  readonly title: string;
  icon: string;
  /** About what is printed, or about what the agent runs on; null is in no list of pages. */
  group: "prints" | "agent" | null;
  load: () => Promise<{ default: Component }>;
}

const LISTED: readonly Omit<PageAbout, "title">[] = [
  { id: "files", icon: "layers", group: "prints", load: page(() => import("./FilesPage.svelte"), "files", "advice", "presets", "plots") },
  { id: "held", icon: "inbox", group: "prints", load: page(() => import("./HeldPage.svelte"), "held", "files") },
  { id: "printers", icon: "printer", group: "prints", load: page(() => import("./PrintersPage.svelte"), "printers") },
  { id: "presets", icon: "sliders-horizontal", group: "prints", load: page(() => import("./PresetsPage.svelte"), "presets") },
  { id: "calibration", icon: "flask-conical", group: "prints", load: page(() => import("./CalibrationPage.svelte"), "calibration", "presets") },
  { id: "diagnosis", icon: "stethoscope", group: "prints", load: page(() => import("./DiagnosisPage.svelte"), "diagnosis") },
  { id: "models", icon: "box", group: "agent", load: page(() => import("./ModelsPage.svelte"), "models") },
  { id: "backends", icon: "server", group: "agent", load: page(() => import("./BackendsPage.svelte"), "backends") },
  { id: "team", icon: "users", group: "agent", load: page(() => import("./TeamPage.svelte"), "team", "backends") },
  { id: "performance", icon: "chart-column", group: "agent", load: page(() => import("./PerformancePage.svelte"), "performance", "plots") },
  { id: "runtime", icon: "activity", group: "agent", load: page(() => import("./RuntimePage.svelte"), "runtime") },
  { id: "queue", icon: "list-ordered", group: "agent", load: page(() => import("./QueuePage.svelte"), "queue", "performance", "plots") },
  { id: "storage", icon: "hard-drive", group: "agent", load: page(() => import("./StoragePage.svelte"), "storage") },
  { id: "log", icon: "scroll-text", group: "agent", load: page(() => import("./LogPage.svelte"), "logs") },
  { id: "settings", icon: "settings", group: "agent", load: page(() => import("./SettingsPage.svelte"), "settings", "setting-words", "updates", "plugin") },
  { id: "setup", icon: "list-checks", group: null, load: page(() => import("../setup/SetupPage.svelte"), "setup", "models", "backends", "printers", "runtime", "settings", "plugin") },
];

export const PAGES: readonly PageAbout[] = LISTED.map((page) => ({
  ...page,
  get title() {
    return t(`pages.${page.id}`);
  },
}));

/** A page together with its words. */
function page(code: () => Promise<{ default: Component }>, ...areas: Area[]): PageAbout["load"] {
  return async () => {
    const [loaded] = await Promise.all([code(), words(...areas)]);
    return loaded;
  };
}

/** The page that an address names after the #, if it names one, and the place in it. */
export function pageOf(hash: string): { page: PageAbout | null; place: string } {
  const [, id = "", place = ""] = /^#\/([a-z]+)(?:\/([^?]*))?/.exec(hash) ?? [];
  const page = PAGES.find((one) => one.id === id) ?? null;
  return { page, place: page ? place : "" };
}
