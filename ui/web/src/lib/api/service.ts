/** The agent's routes that the pages beside the chat use. */
import { call } from "./client";
import type {
  Backend,
  Backends,
  BackendTested,
  Model,
  NewBackend,
  NewToken,
  Performance,
  Profiles,
  ProjectDays,
  Queues,
  Requests,
  Run,
  RunPage,
  Runtime,
  Team,
  TeamLogin,
  TokenList,
} from "./types";

/** Names may hold / and :, which stay as they are in the path. */
const inPath = (name: string) => name.split("/").map(encodeURIComponent).join("/");

export const models = {
  /** The run of the download, or of the one that goes on already. */
  pull: (model: string, backend: string | null) =>
    call<Run>("POST", "/models/pull", { body: backend ? { model, backend } : { model } }),
  /** Ends when it is in memory. */
  load: (name: string, backend: string) =>
    call<Model>("POST", `/models/${inPath(name)}/load`, { query: { backend }, body: {}, timeoutMs: 900_000 }),
  unload: (name: string, backend: string) =>
    call<Model>("POST", `/models/${inPath(name)}/unload`, { query: { backend }, timeoutMs: 120_000 }),
  remove: (name: string, backend: string, force: boolean) =>
    call<void>("DELETE", `/models/${inPath(name)}`, { query: { backend, ...(force ? { force } : {}) }, timeoutMs: 60_000 }),
};

export const backends = {
  list: () => call<Backends>("GET", "/backends"),
  /** Tried before it is kept, which takes ten seconds at the most. */
  add: (body: NewBackend) => call<Backend>("POST", "/backends", { body, timeoutMs: 45_000 }),
  test: (id: string) => call<BackendTested>("POST", `/backends/${encodeURIComponent(id)}/test`, { timeoutMs: 45_000 }),
  remove: (id: string) => call<void>("DELETE", `/backends/${encodeURIComponent(id)}`),
};

export const team = {
  read: () => call<Team>("GET", "/team"),
  /** Asks the hub now. */
  look: () => call<Team>("POST", "/team/look", { timeoutMs: 60_000 }),
  /** Somebody says yes in a browser; `read` tells when. */
  login: (body: TeamLogin) => call<Team>("POST", "/team/login", { body, timeoutMs: 60_000 }),
  logout: () => call<void>("POST", "/team/logout", { timeoutMs: 30_000 }),
};

export const tokens = {
  list: () => call<TokenList>("GET", "/tokens"),
  /** Its secret is told this once. */
  create: (name: string, scopes: NewToken["scopes"]) => call<NewToken>("POST", "/tokens", { body: { name, scopes } }),
  revoke: (id: string) => call<void>("DELETE", `/tokens/${encodeURIComponent(id)}`),
};

export const runsIn = (state: string, limit: number) => call<RunPage>("GET", "/runs", { query: { state, limit } });

export const queues = () => call<Queues>("GET", "/queues");
export const profiles = () => call<Profiles>("GET", "/model-profiles");

export const telemetry = {
  performance: (since: string) => call<Performance>("GET", "/telemetry/performance", { query: { since } }),
  projects: (since: string) => call<ProjectDays>("GET", "/telemetry/projects", { query: { since, limit: 1000 } }),
  requests: (limit: number) => call<Requests>("GET", "/telemetry/requests", { query: { limit } }),
};

export const runtime = {
  look: () => call<Runtime>("GET", "/runtime"),
  /** Ollama may take its time to come up. */
  tell: (order: "start" | "stop" | "restart") => call<Runtime>("POST", `/runtime/${order}`, { timeoutMs: 90_000 }),
};
