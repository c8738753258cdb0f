/** One message as the page shows it; while its run goes on, it grows from the run's events. */
import { flushSync } from "svelte";

import * as agent from "../../lib/api/agent";
import type { EventReader } from "../../lib/api/event-reader";
import { followRun, type Following } from "../../lib/api/run-stream";
import * as slicer from "../../lib/api/slicer";
import type { Fallback, Message, MessageStatus, Problem, RunEvent, RunEventData, Source, Usage } from "../../lib/api/types";
import { FrameBatch } from "../../lib/frames";
import { BlockSplitter, splitBlocks } from "../../lib/markdown/blocks";

/** What the reader of a growing answer waits for. */
export type Phase =
  | { kind: "waiting" }
  | { kind: "queued"; position: number }
  | { kind: "loading"; model: string; since: number }
  | { kind: "thinking" }
  | { kind: "answering" };

export interface MessageListener {
  onEnd(message: ShownMessage): void;
  /** The connection broke while the answer grew; it is tried again by itself. */
  onDrop(): void;
}

export interface ToolUse {
  name: string;
  arguments: Record<string, unknown>;
  /** `null` as long as it is at work. */
  result: Record<string, unknown> | null;
}

export class ShownMessage {
  readonly id: string;
  readonly parent_id: string | null;
  readonly role: Message["role"];
  readonly images: string[];
  /** What of the slicer's went along with it. */
  readonly context: Message["context"];
  readonly created_at: string;
  content = $state.raw("");
  blocks = $state.raw<string[]>([]);
  thinking = $state.raw("");
  status = $state.raw<MessageStatus>("complete");
  model = $state.raw<string | null>(null);
  provider = $state.raw<string | null>(null);
  sources = $state.raw<Source[]>([]);
  trimmed = $state.raw(0);
  usage = $state.raw<Usage | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** Who was passed over for the one that answers, and why. */
  fallbacks = $state.raw<Fallback[]>([]);
  tools = $state.raw<ToolUse[]>([]);
  phase = $state.raw<Phase>({ kind: "waiting" });
  /** Whether the events of a growing answer come in right now. */
  isConnected = $state.raw(true);
  isStopping = $state(false);
  isThinkingOpen = $state(false);
  runId: string | null = null;
  #splitter = new BlockSplitter();
  #content = "";
  #thinking = "";
  #following: Following | null = null;
  #timesLost = 0;
  #hasAskedForTools = false;
  #frames = new FrameBatch(() => flushSync(() => this.#show()));

  constructor(
    message: Message,
    readonly listener: MessageListener,
    events: EventReader | null = null,
  ) {
    this.id = message.id;
    this.parent_id = message.parent_id;
    this.role = message.role;
    this.images = message.images;
    this.context = message.context;
    this.created_at = message.created_at;
    this.take(message, events);
  }

  get isLive(): boolean {
    return this.status === "streaming";
  }

  /** It ended well, and there is nothing to read: the model said nothing, or only thought. */
  get isSilent(): boolean {
    const isDone = this.role === "assistant" && this.status === "complete";
    return isDone && !this.problem && !this.tools.length && !this.content.trim();
  }

  get isGuide(): boolean {
    return this.provider === "guide";
  }

  /** Takes over what the agent has stored, and follows the run if it still goes on: in `events` if given. */
  take(message: Message, events: EventReader | null = null): void {
    if (this.#following) return;
    this.runId = message.run_id;
    this.#takeFields(message);
    if (message.status === "streaming" && message.run_id) this.#follow(message.run_id, events);
  }

  /** Ends the run itself; its last event follows. */
  async stop(): Promise<void> {
    if (!this.runId || this.isStopping) return;
    this.isStopping = true;
    try {
      await agent.runs.cancel(this.runId);
    } catch (error) {
      this.isStopping = false;
      throw error;
    }
  }

  /** Stops reading; the run itself goes on. */
  leave(): void {
    this.#following?.stop();
    this.#following = null;
  }

  /** What it looked up and proposed, of an answer whose growing nobody has watched here. */
  async readTools(): Promise<void> {
    if (this.tools.length || this.#hasAskedForTools) return;
    this.#hasAskedForTools = true;
    try {
      this.tools = (await slicer.sent(this.id)).tools;
    } catch {
      // The answer itself is there.
    }
  }

  lookAgain(): void {
    this.#following?.lookAgain();
  }

  #takeFields(message: Message): void {
    this.status = message.status;
    this.model = message.model;
    this.provider = message.provider;
    this.sources = message.sources;
    this.trimmed = message.trimmed;
    this.#takeUsage(message.usage);
    this.problem = message.problem;
    this.thinking = message.thinking;
    if (this.content !== message.content) {
      this.content = message.content;
      this.blocks = this.role === "user" ? [] : splitBlocks(message.content);
    }
  }

  #takeUsage(usage: Usage | null): void {
    this.usage = usage;
    this.fallbacks = usage?.fallbacks ?? this.fallbacks;
  }

  /** Reads the run from its first event, since the stored text may lag behind. */
  #follow(runId: string, events: EventReader | null): void {
    this.#splitter = new BlockSplitter();
    this.#content = this.#thinking = "";
    this.fallbacks = [];
    const reader = {
      onEvent: (event: RunEvent) => this.#take(event),
      onConnection: (connected: boolean) => this.#connected(connected),
      onLost: () => this.#recover(),
      isLive: async () => ["queued", "running"].includes((await agent.runs.read(runId)).state),
    };
    this.#following = followRun(runId, reader, events);
  }

  #connected(connected: boolean): void {
    this.isConnected = connected || !this.isLive;
    if (!this.isConnected) this.listener.onDrop();
  }

  #take(event: RunEvent): void {
    switch (event.name) {
      case "queued":
        this.phase = { kind: "queued", position: event.data.position };
        break;
      case "loading":
        this.model = event.data.model;
        this.phase = { kind: "loading", model: event.data.model, since: Date.now() };
        break;
      case "started":
        this.phase = { kind: "waiting" };
        this.model = event.data.model;
        this.provider = event.data.provider;
        break;
      case "backend":
        this.fallbacks = [...this.fallbacks, event.data];
        break;
      case "sources":
        this.sources = event.data.items;
        break;
      case "trimmed":
        this.trimmed = event.data.dropped_messages;
        break;
      case "tool":
        this.tools = withTool(this.tools, event.data);
        break;
      case "thinking":
        this.#thinking += event.data.text;
        this.#frames.request();
        break;
      case "token":
        this.#content += event.data.text;
        this.#splitter.append(event.data.text);
        this.#frames.request();
        break;
      case "done":
        this.#end("complete", event.data.message, event.data.usage ?? null);
        break;
      case "cancelled":
        this.#end("stopped", event.data.message);
        break;
      case "interrupted":
        this.#end("interrupted", event.data.message);
        break;
      case "error":
        this.#end("failed", event.data.message, null, event.data.problem);
        break;
    }
  }

  /** Brings the text gathered since the last frame onto the page. */
  #show(): void {
    if (!this.isLive) return;
    if (this.#thinking.length >= this.thinking.length) this.thinking = this.#thinking;
    if (this.#content.length >= this.content.length) {
      this.content = this.#content;
      this.blocks = this.#splitter.blocks();
    }
    this.phase = { kind: this.#content ? "answering" : "thinking" };
  }

  #end(status: MessageStatus, message?: Message | null, usage: Usage | null = null, problem?: Problem): void {
    this.#frames.flush();
    this.#show();
    this.leave();
    this.isStopping = false;
    this.isConnected = true;
    if (message) this.#takeFields(message);
    this.status = status;
    this.#takeUsage(usage ?? this.usage);
    this.problem = problem ?? this.problem;
    this.listener.onEnd(this);
  }

  /** The events are gone; what the agent stored is what there is. */
  #recover(): void {
    this.leave();
    this.isConnected = true;
    this.#timesLost += 1;
    if (this.#timesLost > 2) this.status = "interrupted";
    this.listener.onEnd(this);
  }
}

/** A tool is told of twice where it takes its time: when it is called, and with what it answered. */
function withTool(tools: ToolUse[], told: RunEventData["tool"]): ToolUse[] {
  const { name, result = null } = told;
  const last = tools[tools.length - 1];
  const isSame = result !== null && last?.name === name && last.result === null;
  return [...(isSame ? tools.slice(0, -1) : tools), { name, arguments: told.arguments, result }];
}
