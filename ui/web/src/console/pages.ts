/** The console's pages. Each is loaded when it is first opened. */
import { t } from "../lib/i18n";
import { page, type Group, type Listed, type PageAbout } from "./page-about";
import { WORK } from "./work/pages";

export const GROUPS: readonly Group[] = ["work", "team", "models", "operation", "you"];

const OVERVIEW: Listed = { id: "overview", icon: "layout-dashboard", group: "work", load: page(() => import("./pages/OverviewPage.svelte"), "hub-overview") };

const LISTED: readonly Listed[] = [
  OVERVIEW,
  ...WORK,
  { id: "users", icon: "users", group: "team", isForAdministrators: true, load: page(() => import("./pages/UsersPage.svelte"), "hub-people") },
  { id: "groups", icon: "group", group: "team", isForAdministrators: true, load: page(() => import("./pages/GroupsPage.svelte"), "hub-people") },
  { id: "machines", icon: "laptop", group: "team", load: page(() => import("./pages/MachinesPage.svelte"), "hub-people") },
  { id: "providers", icon: "box", group: "models", isForAdministrators: true, load: page(() => import("./pages/ProvidersPage.svelte"), "hub-models") },
  { id: "routes", icon: "route", group: "models", isForAdministrators: true, load: page(() => import("./pages/RoutesPage.svelte"), "hub-models") },
  { id: "policy", icon: "shield-check", group: "models", isForAdministrators: true, load: page(() => import("./pages/PolicyPage.svelte"), "hub-models") },
  { id: "usage", icon: "chart-column", group: "operation", load: page(() => import("./pages/UsagePage.svelte"), "hub-limits", "hub-overview") },
  { id: "runs", icon: "message-square", group: "operation", isForAdministrators: true, load: page(() => import("./pages/RunsPage.svelte"), "hub-jobs", "chat") },
  { id: "quotas", icon: "gauge", group: "operation", isForAdministrators: true, load: page(() => import("./pages/QuotasPage.svelte"), "hub-limits", "hub-overview") },
  { id: "costs", icon: "coins", group: "operation", isForAdministrators: true, load: page(() => import("./pages/CostsPage.svelte"), "hub-limits", "hub-overview") },
  { id: "audit", icon: "scroll-text", group: "operation", isForAdministrators: true, load: page(() => import("./pages/AuditPage.svelte"), "hub-audit") },
  { id: "jobs", icon: "briefcase", group: "operation", isForAdministrators: true, load: page(() => import("./pages/JobsPage.svelte"), "hub-jobs") },
  { id: "logins", icon: "log-in", group: "operation", isForAdministrators: true, load: page(() => import("./pages/LoginsPage.svelte"), "hub-settings") },
  { id: "settings", icon: "settings", group: "operation", isForAdministrators: true, load: page(() => import("./pages/SettingsPage.svelte"), "hub-settings") },
  { id: "account", icon: "user-cog", group: "you", load: page(() => import("./pages/AccountPage.svelte"), "hub-account") },
];

const about = (listed: Listed): PageAbout => ({
  ...listed,
  get title() {
    return t(`hub:pages.${listed.id}`);
  },
});

export const PAGES: readonly PageAbout[] = LISTED.map(about);
export const HOME: PageAbout = PAGES[0] ?? about(OVERVIEW);

/** The page that an address names after the #, and the place in it. */
export function pageOf(hash: string): { page: PageAbout | null; place: string } {
  const [, id = "", place = ""] = /^#\/([a-z-]+)(?:\/(.*))?/.exec(hash) ?? [];
  const page = PAGES.find((one) => one.id === id) ?? null;
  return { page, place: page ? decoded(place) : "" };
}

function decoded(place: string): string {
  try {
    return decodeURIComponent(place);
  } catch {
    return place;
  }
}
