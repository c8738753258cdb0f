/** Follows a run's events until it ends, through drops, sleep and restarts of the agent. */
import { address, reportUnauthenticated, toApiError } from "./client";
import { EventReader } from "./event-reader";
import type { ServerEvent } from "./sse";
import type { RunEvent } from "./types";

const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 2_000;
/** The agent sends at least a comment every 15 s. */
const SILENCE_MS = 40_000;
const LAST_EVENTS = new Set(["done", "cancelled", "interrupted", "error"]);

export interface RunReader {
  /** Each event once, in order. */
  onEvent(event: RunEvent): void;
  /** Whether a connection stands right now. */
  onConnection?(connected: boolean): void;
  /** The stream is over without a last event: the run is gone, or ended before the agent stopped. */
  onLost(): void;
  /** Whether the run still goes on, asked when a stream ends early. */
  isLive(): Promise<boolean>;
}

export interface Following {
  stop(): void;
  /** There is reason to think that the agent is back: tries at once. */
  lookAgain(): void;
}

/** Starts following; `events` is an answer that already tells of the run, from its first event on. */
export function followRun(runId: string, reader: RunReader, events: EventReader | null = null): Following {
  const stop = new AbortController();
  const follower = new Follower(runId, reader, stop.signal, events);
  void follower.run();
  return { stop: () => stop.abort(), lookAgain: () => follower.lookAgain() };
}

class Follower {
  #lastSeq = 0;
  #over = false;
  #pause = FIRST_PAUSE_MS;
  #connection: EventReader | null = null;
  /** Ends the asking, as long as there is no answer. */
  #asking: AbortController | null = null;
  #askedAt = Date.now();
  #wake: (() => void) | null = null;

  constructor(
    readonly runId: string,
    readonly reader: RunReader,
    readonly signal: AbortSignal,
    private begun: EventReader | null,
  ) {}

  async run(): Promise<void> {
    const nudge = () => this.#nudge();
    const watch = setInterval(() => this.#dropIfSilent(), 2_000);
    window.addEventListener("online", nudge);
    document.addEventListener("visibilitychange", nudge);
    this.signal.addEventListener("abort", () => {
      this.#drop();
      this.#wake?.();
    });
    try {
      while (!this.#isFinished()) {
        await this.#connectOnce();
        this.reader.onConnection?.(false);
        if (!this.#isFinished()) await this.#rest();
      }
    } finally {
      clearInterval(watch);
      window.removeEventListener("online", nudge);
      document.removeEventListener("visibilitychange", nudge);
    }
  }

  lookAgain(): void {
    this.#pause = FIRST_PAUSE_MS;
    this.#wake?.();
  }

  #isFinished(): boolean {
    return this.#over || this.signal.aborted;
  }

  async #connectOnce(): Promise<void> {
    try {
      this.#connection = this.#takeBegun() ?? (await this.#connect());
      if (this.#connection) await this.#read(this.#connection);
    } catch {
      // Dropped or refused: the loop tries again, from the last number seen.
    } finally {
      this.#drop();
    }
  }

  #takeBegun(): EventReader | null {
    const begun = this.begun;
    this.begun = null;
    return begun;
  }

  async #connect(): Promise<EventReader | null> {
    this.#asking = new AbortController();
    this.#askedAt = Date.now();
    const response = await fetch(address(`/runs/${this.runId}/events`), {
      headers: { Accept: "text/event-stream", "Last-Event-ID": String(this.#lastSeq) },
      credentials: "same-origin",
      cache: "no-store",
      signal: this.#asking.signal,
    });
    if (response.ok && response.body) return new EventReader(response.body);
    await this.#refused(response);
    return null;
  }

  async #read(connection: EventReader): Promise<void> {
    this.reader.onConnection?.(true);
    for (;;) {
      const events = await connection.read();
      if (!events) return this.#endedEarly();
      for (const event of events) this.#take(event);
      if (this.#isFinished()) return;
    }
  }

  #take(event: ServerEvent): void {
    const seq = Number(event.id);
    const isLast = LAST_EVENTS.has(event.name);
    // After a crash the log may end below what was already seen; its last event counts all the same.
    if (this.#isFinished() || (seq <= this.#lastSeq && !isLast)) return;
    this.#lastSeq = Math.max(seq, this.#lastSeq);
    this.#pause = FIRST_PAUSE_MS;
    this.#over = isLast;
    this.reader.onEvent({ seq, name: event.name, data: JSON.parse(event.data) } as RunEvent);
  }

  async #endedEarly(): Promise<void> {
    if (await this.reader.isLive()) return;
    this.#giveUp();
  }

  async #refused(response: Response): Promise<void> {
    const error = await toApiError(response);
    if (error.status === 404 || error.status === 410) this.#giveUp();
    if (error.status !== 401) return;
    this.#over = true;
    reportUnauthenticated();
  }

  #giveUp(): void {
    if (this.#isFinished()) return;
    this.#over = true;
    this.reader.onLost();
  }

  async #rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, this.#pause);
    });
    this.#wake = null;
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
  }

  /** Coming back (page shown, network up) is a reason to try at once, and to doubt a quiet connection. */
  #nudge(): void {
    if (document.visibilityState === "hidden") return;
    this.lookAgain();
    this.#dropIfSilent(SILENCE_MS / 2);
  }

  #dropIfSilent(afterMs = SILENCE_MS): void {
    if (Date.now() - (this.#connection?.lastByteAt ?? this.#askedAt) > afterMs) this.#drop();
  }

  #drop(): void {
    this.#asking?.abort();
    this.#connection?.close();
    this.#asking = this.#connection = null;
  }
}
