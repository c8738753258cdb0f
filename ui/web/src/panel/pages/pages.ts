/** The pages beside the chat. Each is loaded when it is first opened. */
import type { Component } from "svelte";

export type PageId =
  | "files"
  | "held"
  | "printers"
  | "presets"
  | "calibration"
  | "diagnosis"
  | "models"
  | "backends"
  | "performance"
  | "runtime";

export interface PageAbout {
  id: PageId;
  title: string;
  icon: string;
  /** About what is printed, or about what the agent runs on. */
  group: "prints" | "agent";
  load: () => Promise<{ default: Component }>;
}

export const PAGES: readonly PageAbout[] = [
  { id: "files", title: "Files", icon: "layers", group: "prints", load: () => import("./FilesPage.svelte") },
  { id: "held", title: "Waiting", icon: "inbox", group: "prints", load: () => import("./HeldPage.svelte") },
  { id: "printers", title: "Printers", icon: "printer", group: "prints", load: () => import("./PrintersPage.svelte") },
  { id: "presets", title: "Presets", icon: "sliders-horizontal", group: "prints", load: () => import("./PresetsPage.svelte") },
  { id: "calibration", title: "Calibrate", icon: "flask-conical", group: "prints", load: () => import("./CalibrationPage.svelte") },
  { id: "diagnosis", title: "Diagnose", icon: "stethoscope", group: "prints", load: () => import("./DiagnosisPage.svelte") },
  { id: "models", title: "Models", icon: "box", group: "agent", load: () => import("./ModelsPage.svelte") },
  { id: "backends", title: "Backends", icon: "server", group: "agent", load: () => import("./BackendsPage.svelte") },
  { id: "performance", title: "Performance", icon: "chart-column", group: "agent", load: () => import("./PerformancePage.svelte") },
  { id: "runtime", title: "Runtime", icon: "activity", group: "agent", load: () => import("./RuntimePage.svelte") },
];

/** The page that an address names after the #, if it names one, and the place in it. */
export function pageOf(hash: string): { page: PageAbout | null; place: string } {
  const [, id = "", place = ""] = /^#\/([a-z]+)(?:\/([^?]*))?/.exec(hash) ?? [];
  const page = PAGES.find((one) => one.id === id) ?? null;
  return { page, place: page ? place : "" };
}
