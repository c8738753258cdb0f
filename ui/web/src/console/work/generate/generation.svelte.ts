/** One generation: its text while it grows, the files in it as they come, and how it ended. */
import { flushSync } from "svelte";

import { followRun, type Following } from "../../../lib/api/run-stream";
import type { Fallback, Problem, RunEvent } from "../../../lib/api/types";
import { FrameBatch } from "../../../lib/frames";
import { BlockSplitter } from "../../../lib/markdown/blocks";
import { newKey } from "../../../lib/identifiers";
import { artefacts, generate, runs } from "../api";
import type { Artefact, GenerateIn } from "../types";

export type State = "none" | "starting" | "queued" | "loading" | "running" | "done" | "cancelled" | "interrupted" | "failed";

const NAMED_FENCE = /^ {0,3}(?:`{3,}|~{3,})\s*[\w+#.-]*[ :]+(?:title=|file=|path=)?["']?([^\s"'`]+\.[A-Za-z]\w*)["']?\s*$/;

interface Closing {
  artefacts?: Artefact[];
  artefacts_problem?: Problem;
  problem?: Problem;
}

export class Generation {
  state = $state<State>("none");
  model = $state<string | null>(null);
  /** Who was passed over for the one that answers, and why. */
  fallbacks = $state.raw<Fallback[]>([]);
  blocks = $state.raw<string[]>([]);
  letters = $state(0);
  /** The files that were begun so far, as the answer names them. */
  names = $state.raw<string[]>([]);
  files = $state.raw<Artefact[]>([]);
  problem = $state.raw<Problem | null>(null);
  isStopping = $state(false);
  #runId: string | null = null;
  #following: Following | null = null;
  #splitter = new BlockSplitter();
  #letters = 0;
  #line = "";
  #frames = new FrameBatch(() => flushSync(() => this.#show()));
  #sent: { body: string; key: string } | null = null;

  /** Told when a run begins, with its id, and with null when it is over. */
  constructor(readonly onRun: (runId: string | null) => void = () => {}) {}

  get isLive(): boolean {
    return ["starting", "queued", "loading", "running"].includes(this.state);
  }

  async begin(wish: GenerateIn): Promise<void> {
    const before = this.state;
    const body = JSON.stringify(wish);
    // Sent again after a lost answer, the same wish is the same run.
    if (this.#sent?.body !== body) this.#sent = { body, key: newKey() };
    this.state = "starting";
    try {
      const { run_id } = await generate(wish, this.#sent.key);
      this.#sent = null;
      this.#follow(run_id);
      this.onRun(run_id);
    } catch (error) {
      this.state = before;
      throw error;
    }
  }

  /** Follows one that was begun before the page was left. */
  resume(runId: string): void {
    this.#follow(runId, "none");
  }

  async stop(): Promise<void> {
    if (!this.#runId) return;
    this.isStopping = true;
    try {
      await runs.cancel(this.#runId);
    } finally {
      this.isStopping = false;
    }
  }

  /** Stops reading; the run goes on, and its files are kept. */
  leave(): void {
    this.#following?.stop();
    this.#following = null;
  }

  /** `lost`: what is shown of one whose events are gone. */
  #follow(runId: string, lost: State = "interrupted"): void {
    this.leave();
    this.#runId = runId;
    this.#splitter = new BlockSplitter();
    this.#letters = this.letters = 0;
    this.#line = "";
    this.names = [];
    this.blocks = [];
    this.files = [];
    this.fallbacks = [];
    this.problem = this.model = null;
    this.state = "queued";
    this.#following = followRun(runId, {
      onEvent: (event) => this.#take(event),
      onLost: () => this.#end(lost, {}),
      isLive: async () => ["queued", "running"].includes((await runs.read(runId)).state),
    });
  }

  #take(event: RunEvent): void {
    switch (event.name) {
      case "queued":
        this.state = "queued";
        break;
      case "loading":
        this.state = "loading";
        this.model = event.data.model;
        break;
      case "started":
        this.state = "running";
        this.model = event.data.model;
        break;
      case "backend":
        this.fallbacks = [...this.fallbacks, event.data];
        break;
      case "token":
        this.#letters += event.data.text.length;
        this.#look(event.data.text);
        this.#splitter.append(event.data.text);
        this.#frames.request();
        break;
      case "done":
        this.#end("done", event.data as Closing);
        break;
      case "cancelled":
      case "interrupted":
        this.#end(event.name, event.data as Closing);
        break;
      case "error":
        this.#end("failed", event.data as Closing);
        break;
    }
  }

  /** For the names alone: which files there are in the end is the hub's to say. */
  #look(text: string): void {
    const lines = (this.#line + text).split("\n");
    this.#line = (lines.pop() ?? "").slice(-500);
    for (const line of lines) {
      const name = NAMED_FENCE.exec(line)?.[1];
      if (name && !this.names.includes(name)) this.names = [...this.names, name];
    }
  }

  /** Asks for the files again until somebody has looked at all of them. */
  async #watchChecks(): Promise<void> {
    const set = this.files[0]?.set_id;
    for (let turn = 0; set && turn < 40 && this.#following === null; turn++) {
      if (this.files.every((file) => file.latest.check_state !== "waiting")) return;
      await new Promise((resolve) => setTimeout(resolve, 500));
      const ids = new Set(this.files.map((file) => file.id));
      const { items } = await artefacts.list({ set_id: set }, null).catch(() => ({ items: [] }));
      const now = new Map(items.filter((one) => ids.has(one.id)).map((one) => [one.id, one]));
      this.files = this.files.map((file) => now.get(file.id) ?? file);
    }
  }

  #show(): void {
    this.blocks = this.#splitter.blocks();
    this.letters = this.#letters;
  }

  #end(state: State, closing: Closing): void {
    this.#frames.flush();
    this.#show();
    this.leave();
    this.files = closing.artefacts ?? [];
    this.problem = closing.problem ?? closing.artefacts_problem ?? null;
    this.state = state;
    this.onRun(null);
    void this.#watchChecks();
  }
}
