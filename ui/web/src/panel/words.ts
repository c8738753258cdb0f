/** States in the words that the page uses for them. */
import { t } from "../lib/i18n";
import type { Connection } from "./state/connection.svelte";
import type { Phase } from "./state/message.svelte";

export interface StateWords {
  mood: "asking" | "ready" | "guide" | "starting" | "broken" | "away" | "paused" | "missing";
  words: string;
  detail: string;
}

/** `missing`: a model that is wanted, and that no server has. */
export function connectionWords(connection: Connection, model: string | null, missing: string | null): StateWords {
  if (connection.reach === "asking") return { mood: "asking", words: t("chat:state.asking"), detail: "" };
  if (connection.reach === "unreachable") {
    return { mood: "away", words: t("chat:state.away"), detail: t("chat:state.away-detail", { command: "orca-agent serve" }) };
  }
  const ready = connection.ready;
  if (ready?.status === "starting") return { mood: "starting", words: t("chat:state.starting"), detail: "" };
  if (ready?.status === "broken") {
    return { mood: "broken", words: t("chat:state.broken"), detail: t("chat:state.broken-detail", { command: "orca-agent doctor" }) };
  }
  if (ready?.is_paused) return { mood: "paused", words: t("chat:state.paused"), detail: t("chat:state.paused-detail") };
  if (!ready?.ollama) return { mood: "ready", words: t("chat:state.reachable"), detail: "" };
  if (missing !== null) return { mood: "missing", words: t("chat:state.missing", { model: missing }), detail: t("chat:state.missing-detail") };
  const ollama = ready.ollama;
  const answersHere = ollama.state === "up" && (ready.models_count ?? 0) > 0;
  if (!answersHere && ready.default_model) {
    const names = (ready.others ?? []).filter((one) => one.state === "up").map((one) => one.name);
    const words = t("chat:state.ready-model", { model: model ?? ready.default_model });
    return { mood: "ready", words, detail: t("chat:state.ready-others", { names: names.join(", ") }) };
  }
  const team = ready.default_model ? null : ready.team;
  if (team && (team.problem || team.is_up)) {
    const words = t(team.problem ? "chat:state.no-hub" : "chat:state.no-team-model");
    return { mood: "guide", words, detail: team.problem ?? team.url };
  }
  if (ollama.state === "unknown") return { mood: "starting", words: t("chat:state.seeking"), detail: ollama.url };
  if (ollama.state !== "up") {
    const why = ollama.detail ?? t("chat:state.no-answer");
    return { mood: "guide", words: t("chat:state.no-ollama"), detail: t("chat:state.no-ollama-detail", { url: ollama.url, why }) };
  }
  if (!ready.models_count) {
    return { mood: "guide", words: t("chat:state.no-model"), detail: t("chat:state.no-model-detail", { command: "orca-agent models recommend" }) };
  }
  const words = model ? t("chat:state.ready-model", { model }) : t("chat:state.ready");
  return { mood: "ready", words, detail: t("chat:state.ready-detail", { version: ollama.version ?? "", url: ollama.url }) };
}

/** Where what is written goes; `here` says that it stays. */
export function keptWords(connection: Connection, here: string): string {
  const host = connection.elsewhere;
  const hub = connection.hub;
  if (hub) {
    const more = [...(host ? [host] : []), ...connection.others].filter((one) => one !== hub);
    return more.length ? t("chat:where.team-and-several", { hub, hosts: more.join(", ") }) : t("chat:where.team", { hub });
  }
  if (!connection.others.length) return host ? t("chat:where.elsewhere", { host }) : here;
  return t("chat:where.several", { hosts: [...(host ? [host] : []), ...connection.others].join(", ") });
}

/** What a growing answer waits for; `seconds` is how long the model has been loading. */
export function phaseWords(phase: Phase, seconds: number): string {
  switch (phase.kind) {
    case "queued":
      return phase.position > 0 ? t("chat:wait.queued", { count: phase.position }) : t("chat:wait.next");
    case "loading":
      return t("chat:wait.loading", { model: phase.model, seconds });
    case "thinking":
      return t("chat:wait.thinking");
    case "answering":
      return t("chat:wait.answering");
    case "waiting":
      return t("chat:wait.waiting");
  }
}
