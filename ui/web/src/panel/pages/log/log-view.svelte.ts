/** The agent's log, newest first: what is there, what comes, and older lines when they are asked for. */
import { open } from "../../../lib/api/client";
import * as desk from "../../../lib/api/desk";
import type { LogEntry } from "../../../lib/api/desk-types";
import { EventReader } from "../../../lib/api/event-reader";

const PAGE = 200;
/** Of requests there are so many that some pages hold nothing else. */
const PAGES_AT_ONCE = 5;
const ENOUGH = 60;
const KEPT = 5_000;
const REST_MS = 2_000;
const REQUESTS = "agent.request";

export const LEVELS = ["debug", "info", "warning", "error"] as const;
export type Level = (typeof LEVELS)[number];

const keyOf = (one: LogEntry) => JSON.stringify(one);

export class LogView {
  level = $state.raw<Level>("info");
  sought = $state.raw("");
  withRequests = $state.raw(false);
  isLive = $state.raw(true);
  failure = $state.raw<unknown>(null);
  isReading = $state.raw(false);
  hasOlder = $state.raw(false);
  #all = $state.raw<LogEntry[] | null>(null);
  #cursor: string | null = null;
  #reader: EventReader | null = null;
  #isWanted = false;
  /** Counts what was asked for, so that an answer to an older wish is dropped. */
  #wish = 0;

  /** `null` until the first page is there. */
  readonly items = $derived(this.#all && this.#all.filter((one) => this.#fits(one)));

  start(): () => void {
    this.#isWanted = true;
    void this.read();
    void this.#follow();
    return () => {
      this.#isWanted = false;
      this.#reader?.close();
    };
  }

  /** Reads anew, after the wish has changed. */
  async read(): Promise<void> {
    const wish = ++this.#wish;
    this.#cursor = null;
    this.isReading = true;
    try {
      const found = await this.#pages(wish);
      if (found) this.#all = found;
      this.failure = null;
    } catch (error) {
      if (wish === this.#wish) this.failure = error;
    } finally {
      if (wish === this.#wish) this.isReading = false;
    }
  }

  async older(): Promise<void> {
    const wish = this.#wish;
    this.isReading = true;
    try {
      const found = await this.#pages(wish);
      if (found) this.#take(found);
    } finally {
      if (wish === this.#wish) this.isReading = false;
    }
  }

  setLive(isLive: boolean): void {
    this.isLive = isLive;
    if (isLive) void this.read();
  }

  /** From the cursor on until there is enough to see; `null` if somebody asked for something else meanwhile. */
  async #pages(wish: number): Promise<LogEntry[] | null> {
    const found: LogEntry[] = [];
    for (let page = 0; page < PAGES_AT_ONCE; page++) {
      const answer = await desk.logs.read({ level: this.level, q: this.sought.trim(), cursor: this.#cursor, limit: PAGE });
      if (wish !== this.#wish) return null;
      found.push(...answer.items);
      this.#cursor = answer.next_cursor;
      this.hasOlder = answer.next_cursor !== null;
      if (!this.hasOlder || found.filter((one) => this.#fits(one)).length >= ENOUGH) break;
    }
    return found;
  }

  #fits(one: LogEntry): boolean {
    return this.withRequests || one.logger !== REQUESTS || LEVELS.indexOf(one.level as Level) > 1;
  }

  #take(more: readonly LogEntry[]): void {
    const known = new Map([...more, ...(this.#all ?? [])].map((one) => [keyOf(one), one]));
    const newestFirst = Array.from(known.values()).sort((a, b) => (a.timestamp < b.timestamp ? 1 : a.timestamp > b.timestamp ? -1 : 0));
    this.#all = newestFirst.slice(0, KEPT);
  }

  #isSought(one: LogEntry): boolean {
    if (LEVELS.indexOf(one.level as Level) < LEVELS.indexOf(this.level)) return false;
    const text = keyOf(one).toLowerCase();
    return this.sought.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  }

  async #follow(): Promise<void> {
    while (this.#isWanted) {
      try {
        await this.#readStream();
      } catch {
        // The panel says by itself that the agent is away.
      }
      if (this.#isWanted) await new Promise((resolve) => setTimeout(resolve, REST_MS));
      // What was written while nobody listened.
      if (this.#isWanted && this.isLive && !this.isReading) await this.read();
    }
  }

  async #readStream(): Promise<void> {
    const response = await open("GET", "/logs/stream", { headers: { Accept: "text/event-stream" } });
    if (!response.body) return;
    const reader = (this.#reader = new EventReader(response.body));
    // The page was left while the answer was on its way.
    if (!this.#isWanted) return reader.close();
    for (;;) {
      const events = await reader.read();
      if (!events) return;
      const came = events.filter((event) => event.name === "log").map((event) => JSON.parse(event.data) as LogEntry);
      const sought = came.filter((one) => this.#isSought(one));
      if (this.isLive && this.#all && sought.length) this.#take(sought);
    }
  }
}
