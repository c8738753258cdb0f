/** Whether the agent and its models can be reached, asked again and again. */
import * as agent from "../../lib/api/agent";
import type { Ready } from "../../lib/api/types";

const VISIBLE_MS = 2_500;
const HIDDEN_MS = 30_000;
const UNREACHABLE_MS = 3_000;

export type Reach = "asking" | "reached" | "unreachable";

export class Connection {
  reach = $state<Reach>("asking");
  ready = $state.raw<Ready | null>(null);
  /** Seconds until the next try, while unreachable. */
  retryIn = $state(0);
  /** Told after each answer, with the one before it. */
  onAnswer: (now: Ready, before: Ready | null) => void = () => {};
  onUnreachable: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;

  start(): () => void {
    const ask = () => document.visibilityState === "visible" && void this.ask();
    const tick = setInterval(() => (this.retryIn = Math.max(0, this.retryIn - 1)), 1_000);
    window.addEventListener("focus", ask);
    window.addEventListener("online", ask);
    document.addEventListener("visibilitychange", ask);
    void this.ask();
    return () => {
      clearTimeout(this.#timer);
      clearInterval(tick);
      window.removeEventListener("focus", ask);
      window.removeEventListener("online", ask);
      document.removeEventListener("visibilitychange", ask);
    };
  }

  /** Asks now, and plans the next time. */
  async ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    clearTimeout(this.#timer);
    try {
      this.#take(await agent.ready());
    } catch {
      this.#lose();
    } finally {
      this.#isAsking = false;
      this.#timer = setTimeout(() => void this.ask(), this.#pause());
    }
  }

  /** Without credentials the agent tells its status alone. */
  get isSignedOut(): boolean {
    return this.ready !== null && this.ready.version === undefined && this.ready.status !== "starting";
  }

  get hasModels(): boolean {
    return this.ready?.ollama?.state === "up" && (this.ready.models_count ?? 0) > 0;
  }

  #take(ready: Ready): void {
    const before = this.reach === "reached" ? this.ready : null;
    this.reach = "reached";
    this.ready = ready;
    this.onAnswer(ready, before);
  }

  #lose(): void {
    const wasThere = this.reach !== "unreachable";
    this.reach = "unreachable";
    this.retryIn = UNREACHABLE_MS / 1_000;
    if (wasThere) this.onUnreachable();
  }

  #pause(): number {
    if (document.visibilityState === "hidden") return HIDDEN_MS;
    return this.reach === "unreachable" ? UNREACHABLE_MS : VISIBLE_MS;
  }
}
