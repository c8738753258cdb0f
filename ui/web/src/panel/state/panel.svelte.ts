/** Builds every part of the panel and says what follows from what; the only wiring. */
import { getContext, setContext } from "svelte";

import * as agent from "../../lib/api/agent";
import { ApiError, onUnauthenticated } from "../../lib/api/client";
import type { Conversation, Ready, Session } from "../../lib/api/types";
import { hostOf } from "../../lib/host";
import { t } from "../../lib/i18n";
import { recall, remember } from "../../lib/storage";
import ProposedAdvice from "../components/ProposedAdvice.svelte";
import { pageOf, type PageAbout } from "../pages/pages";
import { provideChat } from "./chat-context";
import { Chat } from "./chat.svelte";
import { Connection } from "./connection.svelte";
import { Drafts, type Evidence } from "./draft.svelte";
import { Layout } from "./layout.svelte";
import { ConversationList } from "./list.svelte";
import { Models } from "./models.svelte";
import { Held } from "./held.svelte";
import { Notices } from "../../lib/notices.svelte";
import { Pairings } from "./pairings.svelte";
import { Theme } from "../../lib/theme.svelte";
import { Uploads, type SlicedUpload } from "./uploads.svelte";

const KEY = Symbol("panel");
const REFRESH_MS = 20_000;

export const providePanel = (panel: Panel): Panel => {
  provideChat(panel.chat, { openPassage: (ref) => (panel.layout.sheetRef = ref), Advice: ProposedAdvice });
  return setContext(KEY, panel);
};
export const usePanel = (): Panel => getContext<Panel>(KEY);

export class Panel {
  readonly notices = new Notices();
  readonly theme = new Theme();
  readonly layout = new Layout();
  readonly connection = new Connection();
  readonly models = new Models();
  readonly pairings = new Pairings();
  readonly uploads = new Uploads();
  readonly held = new Held();
  readonly list = new ConversationList();
  readonly drafts = new Drafts();
  readonly chat = new Chat(this.drafts, this.models, this.notices);
  access = $state<"unknown" | "signed-in" | "signed-out">("unknown");
  /** Who this page is for the agent, and what it may do. */
  session = $state.raw<Session | null>(null);
  /** What is shown in the place of the chat. */
  page = $state.raw<PageAbout | null>(pageOf(location.hash).page);
  /** What the address names behind the page: the file of a report, for one. */
  place = $state.raw(pageOf(location.hash).place);
  /** What is shown at that place, once it is known by a name. */
  placeTitle = $state.raw<string | null>(null);
  #refreshedAt = 0;

  start(): () => void {
    this.list.onError = (error, doing) => this.notices.error(error, doing);
    this.chat.onChange = (conversation) => this.list.put(conversation);
    this.chat.onDrop = () => void this.connection.ask();
    this.chat.onCreated = (conversation) => this.#created(conversation);
    this.chat.onTakenBack = (id) => this.#takenBack(id);
    this.uploads.onDone = (upload) => this.#uploaded(upload);
    this.held.onNew = (name) => this.notices.offer(t("chat:said.waits", { name }), t("chat:said.look"), () => this.openPage("held"));
    this.connection.onAnswer = (now, before) => this.#answered(now, before);
    this.connection.onUnreachable = () => this.notices.announce(t("chat:said.unreachable"));
    const route = () => void this.#followRoute();
    const save = () => this.drafts.saveAll();
    const comeBack = () => (this.#refreshedAt = 0); // the connection asks then
    window.addEventListener("hashchange", route);
    window.addEventListener("pagehide", save);
    window.addEventListener("focus", comeBack);
    const stops = [
      this.theme.start(),
      this.layout.start(),
      this.connection.start(),
      onUnauthenticated(() => this.#signedOut()),
      () => window.removeEventListener("hashchange", route),
      () => window.removeEventListener("pagehide", save),
      () => window.removeEventListener("focus", comeBack),
    ];
    return () => stops.forEach((stop) => stop());
  }

  newChat(): void {
    if (this.list.archived) this.list.showArchived(false);
    this.#showEmpty();
  }

  /** Whether this page's session has the scope; the agent checks it all the same. */
  may(scope: Session["scopes"][number]): boolean {
    return this.session?.scopes.some((one) => one === scope || one === "admin") ?? false;
  }

  /** The model that is wanted here, if servers answer and none has it: each question is refused. */
  get missingModel(): string | null {
    const { picked } = this.chat;
    const { connection, models } = this;
    // Before the list is read after a change, it is shorter than what the agent counts.
    const isKnown = models.items.length > 0 || connection.ready?.models_count === 0;
    return models.isLoaded && isKnown && connection.hasServer && !models.find(picked) ? picked : null;
  }

  /** A new chat whose first question is about a file or a preset. */
  askAbout(what: Omit<Evidence, "without">): void {
    this.newChat();
    this.drafts.of(null).take({ ...what, without: [] });
  }

  openPage(id: PageAbout["id"], place = ""): void {
    this.layout.isDrawerOpen = false;
    this.#go(place ? `#/${id}/${place}` : `#/${id}`);
  }

  /** From a page back to where the chat was left. */
  showChat(): void {
    if (this.page) this.#go(this.chat.id ? `#/c/${this.chat.id}` : "#/");
  }

  openConversation(id: string, soughtId: string | null = null): void {
    this.layout.isDrawerOpen = false;
    this.#go(soughtId ? `#/c/${id}?m=${soughtId}` : `#/c/${id}`);
  }

  openNeighbour(step: 1 | -1): void {
    const neighbour = this.list.neighbour(this.chat.id, step);
    if (neighbour) this.openConversation(neighbour.id);
  }

  async removeConversation(conversation: Conversation): Promise<void> {
    try {
      await agent.conversations.remove(conversation.id);
    } catch (error) {
      return this.notices.error(error, t("chat:failed.delete"));
    }
    this.list.drop(conversation.id);
    // The offer to undo must not lie behind the drawer.
    this.layout.isDrawerOpen = false;
    if (this.chat.id === conversation.id) this.#showEmpty();
    const title = conversation.title || t("chat:said.untitled");
    this.notices.offerUndo(t("chat:said.deleted", { title }), () => void this.#restore(conversation.id), conversation.id);
  }

  async archiveConversation(conversation: Conversation): Promise<void> {
    if (!(await this.changeConversation(conversation.id, { archived: true }))) return;
    this.layout.isDrawerOpen = false;
    const undo = () => void this.changeConversation(conversation.id, { archived: false });
    const title = conversation.title || t("chat:said.untitled");
    this.notices.offerUndo(t("chat:said.archived", { title }), undo, conversation.id);
  }

  /** Whether the agent has kept it. */
  async changeConversation(id: string, change: Parameters<Chat["change"]>[0]): Promise<boolean> {
    if (id === this.chat.id) return this.chat.change(change);
    try {
      this.list.put(await agent.conversations.change(id, change));
      return true;
    } catch (error) {
      this.notices.error(error, t("chat:failed.change"));
      return false;
    }
  }

  async signOut(): Promise<void> {
    try {
      await agent.session.end();
      this.#signedOut();
    } catch (error) {
      this.notices.error(error, t("chat:failed.sign-out"));
    }
  }

  /** Asks who this page is, and shows what it may see. */
  async enter(): Promise<void> {
    try {
      this.session = await agent.session.read();
    } catch (error) {
      if (error instanceof ApiError && error.status !== 401) this.notices.error(error, t("chat:failed.sign-in"));
      return;
    }
    this.access = "signed-in";
    this.#restoreRoute();
    await Promise.all([this.#loadModels(), this.list.reload(), this.#followRoute()]);
  }

  /** Nothing that was read stays on a page that may read no more; drafts do. */
  #signedOut(): void {
    if (this.access === "signed-in") this.notices.clear();
    this.access = "signed-out";
    this.chat.close();
    this.list.clear();
    this.uploads.clear();
    this.held.clear();
    this.layout.sheetRef = null;
  }

  async #restore(id: string): Promise<void> {
    try {
      this.list.put(await agent.conversations.restore(id));
      this.openConversation(id);
    } catch (error) {
      this.notices.error(error, t("chat:failed.restore"));
    }
  }

  #showEmpty(): void {
    this.layout.closeSheet();
    this.#go("#/");
    this.layout.focus("composer");
  }

  /** The address of what is gone is none to go back to. */
  #takenBack(id: string): void {
    this.list.drop(id);
    if (this.chat.id) return;
    history.replaceState(null, "", "#/");
    remember("last", null);
  }

  #created(conversation: Conversation): void {
    this.list.put(conversation);
    this.#go(`#/c/${conversation.id}`);
  }

  /** The status poll came back: what changed since the one before decides what is read again. */
  #answered(now: Ready, before: Ready | null): void {
    if (this.access !== "signed-in") {
      if (!this.connection.isSignedOut && now.version !== undefined) void this.enter();
      else if (this.connection.isSignedOut) this.#signedOut();
      return;
    }
    if (this.connection.isSignedOut) return this.#signedOut();
    // An agent that was started again between two questions has been away all the same.
    if (!before || before.started_at !== now.started_at) this.#cameBack();
    if (!before || modelsDiffer(now, before)) void this.#loadModels();
    if (this.may("admin")) void this.pairings.poll();
    if (this.may("slicer")) void this.held.poll();
    this.#refreshNowAndThen();
  }

  #cameBack(): void {
    this.notices.announce(t("chat:said.connected"));
    if (!this.list.isLoaded) void this.list.reload();
    this.chat.lookAgain();
    void this.chat.refresh();
  }

  #refreshNowAndThen(): void {
    if (document.hidden || Date.now() - this.#refreshedAt < REFRESH_MS) return;
    this.#refreshedAt = Date.now();
    this.list.refresh().catch(() => undefined);
    void this.chat.lookWhetherChanged();
  }

  async #loadModels(): Promise<void> {
    await this.models.load().catch(() => undefined);
  }

  /** OrcaSlicer opens the bare address each time its tab is made again. */
  #restoreRoute(): void {
    const last = recall<string | null>("last", null);
    if (!location.hash && last && hostOf(navigator.userAgent).isSlicer) {
      history.replaceState(null, "", `#/c/${last}`);
    }
  }

  /** Whoever waits for its report on the list of files is shown it; nobody is taken away from elsewhere. */
  #uploaded(upload: SlicedUpload): void {
    this.notices.announce(t("chat:uploads.read", { name: upload.name }));
    const isWaiting = this.page?.id === "files" && !this.place && this.uploads.items.length === 1;
    if (isWaiting && upload.stored) this.openPage("files", upload.stored.id);
  }

  async #followRoute(): Promise<void> {
    // Programs beside the panel lead to a new question by this address.
    if (location.hash === "#/new") {
      history.replaceState(null, "", "#/");
      return this.newChat();
    }
    const { page, place } = pageOf(location.hash);
    if (page !== this.page || place !== this.place) this.placeTitle = null;
    this.page = page;
    this.place = place;
    // The chat stays as it was left.
    if (this.page) return;
    const match = /^#\/c\/([^?]+)(?:\?m=(.+))?$/.exec(location.hash);
    const id = match?.[1] ?? null;
    remember("last", id);
    if (this.access === "signed-in") await this.chat.open(id, match?.[2] ?? null);
  }

  #go(hash: string): void {
    if (location.hash === hash) void this.#followRoute();
    else location.hash = hash;
  }
}

function modelsDiffer(now: Ready, before: Ready): boolean {
  return (
    now.ollama?.state !== before.ollama?.state ||
    now.models_count !== before.models_count ||
    now.default_model !== before.default_model
  );
}
