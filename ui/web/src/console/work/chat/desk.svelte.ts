/** The chat page: the list of conversations, the open one, and what follows from what. */
import { tick } from "svelte";

import { t } from "../../../lib/i18n";
import type { Notices } from "../../../lib/notices.svelte";
import { Chat } from "../../../panel/state/chat.svelte";
import { Drafts } from "../../../panel/state/draft.svelte";
import { Paged } from "../../state/paged.svelte";
import { conversations, type ConversationQuery } from "../api";
import { TeamModels } from "../team-models.svelte";
import type { Conversation, ConversationChange } from "../types";

export type View = "own" | "archived" | "shared" | "deleted";

const QUERIES: Record<View, ConversationQuery> = {
  own: {},
  archived: { archived: true },
  shared: { view: "shared" },
  deleted: { view: "deleted" },
};

export class Desk {
  readonly models = new TeamModels();
  /** What keys and the end of a conversation lead to, while it is on the page. */
  readonly spots: { composer?: HTMLElement; search?: HTMLElement; list?: HTMLElement; newChat?: HTMLElement } = {};
  readonly chat: Chat;
  view = $state<View>("own");
  query = $state("");
  /** The conversation that a dialog is open about. */
  asked = $state.raw<{ what: "rename" | "share"; conversation: Conversation } | null>(null);
  readonly list = new Paged<Conversation>((cursor) =>
    conversations.list(this.query.trim() ? { q: this.query } : QUERIES[this.view], cursor as string | null),
  );
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #drafts: Drafts;

  /** Drafts are kept in the browser under the name of the account. */
  constructor(
    accountId: string,
    readonly notices: Notices,
    readonly show: (id: string | null) => void,
  ) {
    this.#drafts = new Drafts(accountId);
    this.chat = new Chat(this.#drafts, this.models, notices);
    this.chat.onChange = () => this.#later();
    this.chat.onCreated = ({ id }) => this.show(id);
    this.chat.onTakenBack = () => this.show(null);
  }

  /** As the hub knows it, with whose it is; `null` while it is none of the list. */
  get open(): Conversation | null {
    return (this.chat.conversation as Conversation | null) ?? null;
  }

  get isReadOnly(): boolean {
    return this.open?.is_own === false;
  }

  start(): () => void {
    this.models.load().catch((error: unknown) => this.notices.error(error, t("hub-work:models-not-read")));
    void this.list.reload();
    return () => {
      clearTimeout(this.#timer);
      this.#drafts.saveAll();
      this.chat.close();
    };
  }

  look(view: View): void {
    this.view = view;
    this.query = "";
    void this.list.reload();
  }

  search(query: string): void {
    this.query = query;
    this.#later(200);
  }

  async change(one: Conversation, change: ConversationChange): Promise<void> {
    await this.#try(one, () => conversations.change(one.id, change));
    if (this.chat.id === one.id) void this.chat.refresh();
  }

  renamed(): void {
    const id = this.asked?.conversation.id;
    this.asked = null;
    void this.list.reload();
    if (id && this.chat.id === id) void this.chat.refresh();
  }

  /** The one above or below in the list; from none, the first. */
  openNeighbour(step: 1 | -1): void {
    const items = (this.list.items ?? []).filter((one) => !one.deleted_at);
    const at = items.findIndex((one) => one.id === this.chat.id);
    const next = at < 0 ? items[step > 0 ? 0 : -1] : items[at + step];
    if (next) this.show(next.id);
  }

  async remove(one: Conversation): Promise<void> {
    const isOpen = this.chat.id === one.id;
    const at = this.list.items?.findIndex(({ id }) => id === one.id) ?? -1;
    if (!(await this.#try(one, () => conversations.remove(one.id)))) return;
    if (isOpen) this.show(null);
    const title = one.title || t("hub-work:untitled");
    this.notices.offerUndo(t("hub-work:deleted", { title }), () => void this.restore(one));
    await tick();
    this.#focusNear(at);
  }

  /** Who came by keyboard goes on where the conversation stood. */
  #focusNear(at: number): void {
    const links = this.spots.list?.querySelectorAll<HTMLElement>("li > a") ?? [];
    const near = at < 0 ? undefined : links[Math.min(at, links.length - 1)];
    (near ?? this.spots.newChat ?? this.spots.composer)?.focus();
  }

  async restore(one: Conversation): Promise<void> {
    if (!(await this.#try(one, () => conversations.restore(one.id)))) return;
    this.look("own");
    this.show(one.id);
  }

  async #try(one: Conversation, act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
    } catch (error) {
      this.notices.error(error, t("hub-work:not-done", { title: one.title || t("hub-work:untitled") }));
      return false;
    }
    await this.list.reload();
    return true;
  }

  #later(pauseMs = 300): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.list.reload(), pauseMs);
  }
}
