/** Ollama's process in the words of the page. */
import type { OllamaProcess } from "../../lib/api/types";
import { t } from "../../lib/i18n";

export const MOODS: Record<OllamaProcess["state"], "ok" | "warn" | "off" | ""> = {
  off: "",
  external: "ok",
  absent: "warn",
  starting: "warn",
  running: "ok",
  waiting: "warn",
  stopped: "",
  failed: "off",
};

export function ownerWords(ollama: OllamaProcess): string | null {
  return ollama.owner ? t(`runtime:owner.${ollama.owner}`) : null;
}

/** Why the agent cannot start or stop it; `null` if it can. */
export function whyNot(ollama: OllamaProcess): string | null {
  if (ollama.state === "off") return t("runtime:left-alone");
  if (ollama.state === "external") return t("runtime:not-ours");
  return null;
}

/** Where one reads what an Ollama writes that the agent did not start. */
export function logPlace(ollama: OllamaProcess): string {
  if (ollama.state === "absent") return t("runtime:log-later");
  switch (ollama.owner) {
    case "systemd":
    case "app":
    case "container":
      return t(`runtime:log-elsewhere.${ollama.owner}`);
    default:
      return t("runtime:log-elsewhere.other");
  }
}

export const canStart = (ollama: OllamaProcess) => ["stopped", "failed", "waiting"].includes(ollama.state);
export const canStop = (ollama: OllamaProcess) => ["running", "starting", "waiting"].includes(ollama.state);
