/** The console's pages. Each is loaded when it is first opened. */
import { t } from "../lib/i18n";
import { page, type Group, type Listed, type PageAbout } from "./page-about";
import { WORK } from "./work/pages";

export const GROUPS: readonly Group[] = ["work", "team", "models", "operation", "you"];

const OVERVIEW: Listed = { id: "overview", icon: "layout-dashboard", group: "work", load: page(() => import("./pages/OverviewPage.svelte"), "hub-overview") };

const LISTED: readonly Listed[] = [
  OVERVIEW,
  ...WORK,
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
