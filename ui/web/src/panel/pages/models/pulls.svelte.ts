/** Downloads of models: those of this page, of other pages and of the terminal alike. */
import * as agent from "../../../lib/api/agent";
import { followRun, type Following } from "../../../lib/api/run-stream";
import * as service from "../../../lib/api/service";
import type { Problem, Run, RunEvent } from "../../../lib/api/types";
import { recall, remember } from "../../../lib/storage";

const DISMISSED = "dismissed-pulls";

export type PullState = "running" | "done" | "cancelled" | "interrupted" | "failed";

export class Pull {
  model = $state.raw<string | null>(null);
  backend = $state.raw<string | null>(null);
  state = $state.raw<PullState>("running");
  status = $state.raw("");
  completed = $state.raw(0);
  total = $state.raw(0);
  bytesPerSecond = $state.raw<number | null>(null);
  secondsLeft = $state.raw<number | null>(null);
  problem = $state.raw<Problem | null>(null);
  isCancelling = $state(false);
  #following: Following | null = null;

  constructor(
    readonly runId: string,
    readonly onEnd: (pull: Pull) => void,
  ) {}

  follow(): void {
    this.#following = followRun(this.runId, {
      onEvent: (event) => this.#take(event),
      onLost: () => this.#end("interrupted"),
      isLive: async () => ["queued", "running"].includes((await agent.runs.read(this.runId)).state),
    });
  }

  /** Stops watching; the download itself goes on. */
  leave(): void {
    this.#following?.stop();
  }

  /** What came so far stays, and is not fetched again. */
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
      case "started":
        this.model = event.data.model;
        this.backend = event.data.backend;
        break;
      case "progress":
        this.status = event.data.status;
        this.completed = event.data.completed ?? 0;
        this.total = event.data.total ?? 0;
        this.bytesPerSecond = event.data.bytes_per_second ?? null;
        this.secondsLeft = event.data.seconds_left ?? null;
        break;
      case "done":
      case "cancelled":
      case "interrupted":
        this.#end(event.name);
        break;
      case "error":
        this.problem = event.data.problem;
        this.#end("failed");
    }
  }

  #end(state: PullState): void {
    this.leave();
    this.state = state;
    this.isCancelling = false;
    this.onEnd(this);
  }
}

export class Pulls {
  items = $state.raw<Pull[]>([]);

  constructor(readonly onEnd: (pull: Pull) => void) {}

  /** Takes up what goes on: other pages and the terminal begin downloads too. */
  async find(): Promise<void> {
    this.#take((await service.runsIn("running", 100)).items);
  }

  /** Takes up the latest downloads that the end of the agent cut off. */
  async findCutOff(): Promise<void> {
    this.#take((await service.runsIn("interrupted", 20)).items);
  }

  #take(found: Run[]): void {
    const dismissed = recall<string[]>(DISMISSED, []);
    const pulls = found.filter((run) => run.kind === "pull" && !dismissed.includes(run.id));
    pulls.slice(0, 8).reverse().forEach((run) => this.watch(run));
  }

  async start(model: string, backend: string | null): Promise<void> {
    const run = await service.models.pull(model, backend);
    this.items = this.items.filter((pull) => pull.model !== model || pull.state === "running");
    this.watch(run, model, backend);
  }

  watch(run: Run, model: string | null = null, backend: string | null = null): void {
    if (this.items.some((pull) => pull.runId === run.id)) return;
    const pull = new Pull(run.id, this.onEnd);
    pull.model = model;
    pull.backend = backend;
    this.items = [pull, ...this.items];
    pull.follow();
  }

  dismiss(pull: Pull): void {
    pull.leave();
    remember(DISMISSED, [pull.runId, ...recall<string[]>(DISMISSED, [])].slice(0, 50));
    this.items = this.items.filter((other) => other !== pull);
  }

  isPulling(model: string): boolean {
    return this.items.some((pull) => pull.state === "running" && pull.model === model);
  }

  leave(): void {
    this.items.forEach((pull) => pull.leave());
  }
}
