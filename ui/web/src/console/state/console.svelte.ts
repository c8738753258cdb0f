/** Builds what the console's pages share: who is signed in, which page is open, what is told. */
import { flushSync, getContext, setContext } from "svelte";

import { ApiError, onUnauthenticated } from "../../lib/api/client";
import { Notices } from "../../lib/notices.svelte";
import { forgetAll, remember } from "../../lib/storage";
import { Theme } from "../../lib/theme.svelte";
import * as hub from "../api/people";
import type { Me, Methods } from "../api/types";
import type { PageAbout } from "../page-about";
import { HOME, pageOf } from "../pages";
import { Proof } from "./proof.svelte";

const KEY = Symbol("console");
const RETURN_TO = "orca.return-to";
/** Told to other tabs, which are signed out with this one. */
const SIGNED_OUT = "signed-out";
/** Of the browser, not of a person: these stay when somebody signs out. */
const OF_BROWSER = new Set(["theme", "language"]);

export const provideConsole = (console: Console): Console => setContext(KEY, console);
export const useConsole = (): Console => getContext<Console>(KEY);

/** Pages of their own, without the ways to the others. */
export type Place = "sign-in" | "first" | "reset" | "password" | "device" | "connect";

export class Console {
  readonly notices = new Notices();
  readonly theme = new Theme();
  readonly proof = new Proof();
  access = $state<"asking" | "signed-out" | "signed-in">("asking");
  me = $state.raw<Me | null>(null);
  /** The ways in, as they were when the page was opened. */
  methods: Methods | null = null;
  page = $state.raw<PageAbout>(HOME);
  /** What stands in the address behind the page: an id, or words of the page's own. */
  place = $state.raw("");
  isWide = $state(false);
  isDrawerOpen = $state(false);
  #path = location.pathname.replace(/\/$/, "");

  readonly isAdministrator = $derived(this.me?.role === "administrator");

  readonly placed = $derived.by((): Place | null => {
    if (this.#path === "/first") return "first";
    if (this.#path === "/reset") return "reset";
    if (this.access === "signed-out") return "sign-in";
    if (this.access !== "signed-in") return null;
    if (this.me?.must_change) return "password";
    if (this.#path === "/device") return "device";
    return this.#path === "/connect" ? "connect" : null;
  });

  start(): () => void {
    this.#comeBack();
    const route = () => this.#route();
    window.addEventListener("hashchange", route);
    const wide = matchMedia("(min-width: 52em)");
    const measure = () => (this.isWide = wide.matches);
    wide.addEventListener("change", measure);
    measure();
    const hear = ({ key, newValue }: StorageEvent) => {
      if (key === `orca.${SIGNED_OUT}` && newValue && this.access === "signed-in") this.#leave();
    };
    window.addEventListener("storage", hear);
    const stops = [
      () => window.removeEventListener("hashchange", route),
      () => wide.removeEventListener("change", measure),
      () => window.removeEventListener("storage", hear),
      this.theme.start(),
      onUnauthenticated(() => this.#signedOut()),
    ];
    route();
    if (this.placed !== "first" && this.placed !== "reset") void this.look();
    else this.access = "signed-out";
    return () => stops.forEach((stop) => stop());
  }

  /** Asks who is signed in; at first whether anybody is, which a browser logs no fault for. */
  async look(): Promise<void> {
    try {
      if (this.access === "asking") this.methods = await hub.signing.methods();
      if (this.access === "asking" && !this.methods?.is_signed_in) return this.#signedOut();
      this.me = await hub.me.show();
      this.#forgetOthers(this.me.id);
      this.access = "signed-in";
      this.#route();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return this.#signedOut();
      this.notices.error(error, "");
      setTimeout(() => void this.look(), 3_000);
    }
  }

  async signOut(): Promise<void> {
    const { redirect_to } = (await hub.signing.out()) ?? {};
    this.#leave();
    remember(SIGNED_OUT, Date.now());
    forgetAll((key) => key === SIGNED_OUT);
    if (redirect_to) location.assign(redirect_to);
  }

  /** Kept while somebody signs in elsewhere, whence the address comes back without its #. */
  rememberPlace(): void {
    if (location.hash) sessionStorage.setItem(RETURN_TO, location.hash);
  }

  #comeBack(): void {
    const hash = sessionStorage.getItem(RETURN_TO);
    sessionStorage.removeItem(RETURN_TO);
    if (hash && !location.hash && !this.#path) history.replaceState(null, "", hash);
  }

  /** Whoever sits here next finds nothing of the one who left. */
  #leave(): void {
    // What is open keeps its drafts when it is closed: that comes first.
    flushSync(() => this.#signedOut());
    forgetAll((key) => !OF_BROWSER.has(key));
    sessionStorage.removeItem(RETURN_TO);
    this.notices.clear();
    // What an agent sent along for a computer is nobody's secret, and wanted by the next one.
    history.replaceState(null, "", location.pathname + location.search);
    this.#route();
  }

  /** A session that ran out leaves its drafts for the one who comes back, and for nobody else. */
  #forgetOthers(id: string): void {
    forgetAll((key) => key.startsWith("draft.") && !key.startsWith(`draft.${id}.`));
  }

  #signedOut(): void {
    this.me = null;
    this.access = "signed-out";
    this.isDrawerOpen = false;
  }

  #route(): void {
    const { page, place } = pageOf(location.hash);
    const isAllowed = page && (!page.isForAdministrators || this.isAdministrator);
    this.page = isAllowed ? page : HOME;
    this.place = isAllowed ? place : "";
  }
}
