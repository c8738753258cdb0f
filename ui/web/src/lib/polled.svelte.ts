/** Something of the agent's that is read again and again, while somebody can see it. */
import { Unreachable } from "./api/client";

export class Polled<T> {
  value = $state.raw<T | null>(null);
  /** Why the last reading failed; `null` after one that worked. */
  failure = $state.raw<unknown>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;
  #isWanted = false;
  #isStale = false;

  constructor(
    readonly read: () => Promise<T>,
    readonly everyMs: number,
    readonly onValue: (value: T) => void = () => {},
  ) {}

  /** Begins; returns what ends it. */
  start(): () => void {
    this.#isWanted = true;
    document.addEventListener("visibilitychange", this.#look);
    void this.refresh();
    return () => {
      this.#isWanted = false;
      clearTimeout(this.#timer);
      document.removeEventListener("visibilitychange", this.#look);
    };
  }

  #look = () => {
    if (document.visibilityState === "visible") void this.refresh();
  };

  /** Reads now, and plans the next time. */
  async refresh(): Promise<void> {
    // What is being read may have been asked for before the reason to read again.
    if (this.#isReading) return void (this.#isStale = true);
    this.#isReading = true;
    this.#isStale = false;
    clearTimeout(this.#timer);
    try {
      this.value = await this.read();
      this.failure = null;
      this.onValue(this.value);
    } catch (error) {
      // What was read last stays in sight; the panel says by itself that the agent is away.
      if (!(error instanceof Unreachable) || this.value === null) this.failure = error;
    } finally {
      this.#isReading = false;
      if (this.#isWanted) this.#timer = setTimeout(this.#look, this.#isStale ? 0 : this.everyMs);
    }
  }
}
