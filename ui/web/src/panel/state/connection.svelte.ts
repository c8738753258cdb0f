/** Whether the agent and its models can be reached, asked again and again. */
import * as agent from "../../lib/api/agent";
import type { Ready } from "../../lib/api/types";
import { hostElsewhere } from "../../lib/host";

const VISIBLE_MS = 2_500;
const HIDDEN_MS = 30_000;
/** While something is about to change: the agent is on this machine, asking it costs nothing. */
const SOON_MS = 1_000;

export type Reach = "asking" | "reached" | "unreachable";

export class Connection {
  reach = $state<Reach>("asking");
  ready = $state.raw<Ready | null>(null);
  /** Told after each answer, with the one before it. */
  onAnswer: (now: Ready, before: Ready | null) => void = () => {};
  onUnreachable: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;

  start(): () => void {
    const ask = () => document.visibilityState === "visible" && void this.ask();
    window.addEventListener("focus", ask);
    window.addEventListener("online", ask);
    document.addEventListener("visibilitychange", ask);
    void this.ask();
    return () => {
      clearTimeout(this.#timer);
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

  /** Some model server answers, with models or without. */
  get hasServer(): boolean {
    const { ollama, others = [] } = this.ready ?? {};
    return ollama?.state === "up" || others.some((one) => one.state === "up");
  }

  get hasModels(): boolean {
    const isUp = this.ready?.ollama?.state === "up" && (this.ready.models_count ?? 0) > 0;
    return isUp || Boolean(this.ready?.default_model);
  }

  /** The host of an Ollama that is not on this machine. */
  get elsewhere(): string | null {
    return hostElsewhere(this.ready?.ollama?.url);
  }

  /** The hub of the team, where questions go to, wherever it runs. */
  get hub(): string | null {
    const team = this.ready?.team;
    return team && team.state !== "ended" ? new URL(team.url).host : null;
  }

  /** Hosts of other model servers that are not on this machine. */
  get others(): string[] {
    return (this.ready?.others ?? []).map((one) => hostElsewhere(one.url)).filter((host) => host !== null);
  }

  get #isStarting(): boolean {
    return this.ready?.status === "starting" || this.ready?.ollama?.state === "unknown";
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
    if (wasThere) this.onUnreachable();
  }

  #pause(): number {
    if (document.visibilityState === "hidden") return HIDDEN_MS;
    return this.reach === "unreachable" || this.#isStarting ? SOON_MS : VISIBLE_MS;
  }
}
