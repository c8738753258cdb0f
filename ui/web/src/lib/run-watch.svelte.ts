/** A run that somebody waits for: how far it is, how it ended; it can be cancelled. */
import * as agent from "./api/agent";
import { followRun, type Following } from "./api/run-stream";
import type { Problem, RunEvent } from "./api/types";

export type WatchState = "running" | "done" | "cancelled" | "interrupted" | "failed";

export class RunWatch {
  state = $state.raw<WatchState>("running");
  status = $state.raw("");
  detail = $state.raw("");
  completed = $state.raw(0);
  total = $state.raw(0);
  problem = $state.raw<Problem | null>(null);
  isCancelling = $state(false);
  /** What the run came to, as its last event tells it. */
  result: unknown = null;
  #following: Following | null = null;

  constructor(
    readonly runId: string,
    readonly onEnd: (watch: RunWatch) => void = () => {},
  ) {}

  /** Begins; returns itself. */
  follow(): this {
    this.#following = followRun(this.runId, {
      onEvent: (event) => this.#take(event),
      onLost: () => this.#end("interrupted"),
      isLive: async () => ["queued", "running"].includes((await agent.runs.read(this.runId)).state),
    });
    return this;
  }

  /** Stops watching; the run itself goes on. */
  leave(): void {
    this.#following?.stop();
  }

  async cancel(): Promise<void> {
    this.isCancelling = true;
    try {
      await agent.runs.cancel(this.runId);
    } catch (error) {
      this.isCancelling = false;
      throw error;
    }
  }

  #take(event: RunEvent): void {
    switch (event.name) {
      case "progress":
        this.status = event.data.status;
        this.detail = event.data.detail ?? "";
        this.completed = event.data.completed ?? 0;
        this.total = event.data.total ?? 0;
        break;
      case "done":
        this.result = event.data.result ?? null;
        this.#end("done");
        break;
      case "cancelled":
      case "interrupted":
        this.#end(event.name);
        break;
      case "error":
        this.problem = event.data.problem;
        this.#end("failed");
    }
  }

  #end(state: WatchState): void {
    this.leave();
    this.state = state;
    this.isCancelling = false;
    this.onEnd(this);
  }
}
