/** The list of conversations: pages, search, and changes to single ones. */
import * as agent from "../../lib/api/agent";
import type { Conversation } from "../../lib/api/types";
import { t } from "../../lib/i18n";

const PAGE = 100;

export class ConversationList {
  items = $state.raw<Conversation[]>([]);
  query = $state("");
  archived = $state(false);
  isLoading = $state(false);
  /** Whether the first answer for this query has come. */
  isLoaded = $state(false);
  hasMore = $state(false);
  onError: (error: unknown, doing: string) => void = () => {};
  #cursor: string | null = null;
  #request: AbortController | null = null;
  #pagesLoaded = 0;

  search(query: string): void {
    this.query = query;
    void this.reload();
  }

  showArchived(archived: boolean): void {
    this.archived = archived;
    this.items = [];
    this.isLoaded = false;
    void this.reload();
  }

  clear(): void {
    this.#request?.abort();
    this.items = [];
    this.isLoaded = false;
  }

  async reload(): Promise<void> {
    this.#request?.abort();
    await this.#fetch(null);
  }

  async loadMore(): Promise<void> {
    if (this.isLoading || !this.#cursor) return;
    await this.#fetch(this.#cursor);
  }

  /** Takes in what other pages changed, without moving a list that was scrolled far. */
  async refresh(): Promise<void> {
    if (this.isLoading || this.query) return;
    if (this.#pagesLoaded <= 1) return this.reload();
    const page = await agent.conversations.list({ archived: this.archived, limit: PAGE });
    page.items.forEach((item) => this.put(item));
  }

  put(conversation: Conversation): void {
    const known = this.items.find((item) => item.id === conversation.id);
    if (conversation.archived !== this.archived) return this.drop(conversation.id);
    if (!known && this.query) return;
    const snippets = conversation.snippets ?? known?.snippets;
    const merged = snippets ? { ...conversation, snippets } : conversation;
    const others = this.items.filter((item) => item.id !== conversation.id);
    this.items = this.query
      ? this.items.map((item) => (item.id === merged.id ? merged : item))
      : sorted([...others, merged]);
  }

  drop(id: string): void {
    this.items = this.items.filter((item) => item.id !== id);
  }

  /** The conversation beside `id` in the list's order. */
  neighbour(id: string | null, step: 1 | -1): Conversation | undefined {
    const at = this.items.findIndex((item) => item.id === id);
    if (at < 0) return step > 0 ? this.items[0] : undefined;
    return this.items[at + step];
  }

  async #fetch(cursor: string | null): Promise<void> {
    const request = new AbortController();
    this.#request = request;
    this.isLoading = true;
    try {
      const query = { q: this.query.trim(), archived: this.archived, cursor, limit: PAGE };
      const page = await agent.conversations.list(query, request.signal);
      if (request.signal.aborted) return;
      const known = new Set(cursor ? this.items.map((item) => item.id) : []);
      const fresh = page.items.filter((item) => !known.has(item.id));
      this.items = cursor ? [...this.items, ...fresh] : page.items;
      this.#pagesLoaded = cursor ? this.#pagesLoaded + 1 : 1;
      this.#cursor = page.next_cursor;
      this.hasMore = page.next_cursor !== null;
      this.isLoaded = true;
    } catch (error) {
      if (!request.signal.aborted) this.onError(error, t("chat:failed.list"));
    } finally {
      if (this.#request === request) this.isLoading = false;
    }
  }
}

function sorted(items: Conversation[]): Conversation[] {
  return items.sort((a, b) =>
    a.pinned === b.pinned ? (a.updated_at < b.updated_at ? 1 : -1) : a.pinned ? -1 : 1,
  );
}
