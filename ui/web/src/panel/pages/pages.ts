/** The pages beside the chat. Each is loaded when it is first opened. */
import type { Component } from "svelte";

export type PageId = "models" | "backends" | "performance" | "runtime";

export interface PageAbout {
  id: PageId;
  title: string;
  icon: string;
  load: () => Promise<{ default: Component }>;
}

export const PAGES: readonly PageAbout[] = [
  { id: "models", title: "Models", icon: "box", load: () => import("./ModelsPage.svelte") },
  { id: "backends", title: "Backends", icon: "server", load: () => import("./BackendsPage.svelte") },
  { id: "performance", title: "Performance", icon: "chart-column", load: () => import("./PerformancePage.svelte") },
  { id: "runtime", title: "Runtime", icon: "activity", load: () => import("./RuntimePage.svelte") },
];

/** The page that an address names after the #, if it names one. */
export function pageOf(hash: string): PageAbout | null {
  return PAGES.find((page) => hash === `#/${page.id}`) ?? null;
}
