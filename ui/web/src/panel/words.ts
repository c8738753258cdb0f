/** States in the words that the page uses for them. */
import type { Connection } from "./state/connection.svelte";
import type { Phase } from "./state/message.svelte";

export interface StateWords {
  mood: "asking" | "ready" | "guide" | "starting" | "broken" | "away";
  words: string;
  detail: string;
}

export function connectionWords(connection: Connection, model: string | null): StateWords {
  if (connection.reach === "asking") return { mood: "asking", words: "Looking for the agent", detail: "" };
  if (connection.reach === "unreachable") {
    return { mood: "away", words: "Agent not reachable", detail: "Trying again. Start it with: orca-agent serve" };
  }
  const ready = connection.ready;
  if (ready?.status === "starting") return { mood: "starting", words: "The agent is starting", detail: "" };
  if (ready?.status === "broken") {
    return { mood: "broken", words: "The agent has a problem", detail: "Ask: orca-agent doctor" };
  }
  if (!ready?.ollama) return { mood: "ready", words: "Agent reachable", detail: "" };
  const ollama = ready.ollama;
  if (ollama.state === "unknown") return { mood: "starting", words: "Looking for Ollama", detail: ollama.url };
  if (ollama.state !== "up") {
    return { mood: "guide", words: "Guide only: no Ollama", detail: `${ollama.url}: ${ollama.detail ?? "no answer"}` };
  }
  if (!ready.models_count) {
    return { mood: "guide", words: "Guide only: no model installed", detail: "Try: ollama pull qwen3:4b" };
  }
  return { mood: "ready", words: model ? `Ready · ${model}` : "Ready", detail: `Ollama ${ollama.version ?? ""} at ${ollama.url}` };
}

/** What a growing answer waits for; `seconds` is how long the model has been loading. */
export function phaseWords(phase: Phase, seconds: number): string {
  switch (phase.kind) {
    case "queued":
      return phase.position > 0 ? `Waiting in line, ${phase.position} ahead of you` : "Next in line";
    case "loading":
      return `Loading model ${phase.model} into memory… ${seconds} s`;
    case "thinking":
      return "Thinking…";
    case "answering":
      return "Answering…";
    case "waiting":
      return "Waiting for the first word…";
  }
}
