/** Ollama's process in the words of the page. */
import type { OllamaProcess } from "../../lib/api/types";

export interface StateWords {
  words: string;
  mood: "ok" | "warn" | "off" | "";
}

export const STATES: Record<OllamaProcess["state"], StateWords> = {
  off: { words: "not managed", mood: "" },
  external: { words: "running, somebody else's", mood: "ok" },
  absent: { words: "not installed", mood: "warn" },
  starting: { words: "starting", mood: "warn" },
  running: { words: "running", mood: "ok" },
  waiting: { words: "ended, starts again soon", mood: "warn" },
  stopped: { words: "stopped", mood: "" },
  failed: { words: "does not start", mood: "off" },
};

const OWNERS: Record<NonNullable<OllamaProcess["owner"]>, string> = {
  agent: "this agent, which may stop it",
  systemd: "a systemd service",
  app: "the Ollama app",
  container: "a container",
  "other-user": "another user of this computer",
  user: "you, or a program of yours",
  unknown: "somebody that this agent cannot see",
};

export function ownerWords(ollama: OllamaProcess): string | null {
  return ollama.owner ? OWNERS[ollama.owner] : null;
}

/** Why the agent cannot start or stop it; `null` if it can. */
export function whyNot(ollama: OllamaProcess): string | null {
  if (ollama.state === "off") return "The agent is told to leave Ollama alone (setting manage_ollama).";
  if (ollama.state === "external") return "The agent did not start this Ollama, so it neither stops nor restarts it.";
  return null;
}

/** Where one reads what an Ollama writes that the agent did not start. */
export function logPlace(ollama: OllamaProcess): string {
  if (ollama.state === "absent") return "What Ollama writes shows here once the agent has started it.";
  const places: Record<string, string> = {
    systemd: "`journalctl -u ollama` shows it",
    app: "the menu of the Ollama app leads to it",
    container: "`docker logs` with the container's name shows it",
  };
  return `The agent did not start this Ollama and has no log of it: ${places[ollama.owner ?? ""] ?? "whoever started it has its output"}.`;
}

export const canStart = (ollama: OllamaProcess) => ["stopped", "failed", "waiting"].includes(ollama.state);
export const canStop = (ollama: OllamaProcess) => ["running", "starting", "waiting"].includes(ollama.state);
