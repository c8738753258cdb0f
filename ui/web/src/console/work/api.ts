/** Conversations, files, and code that is generated. */
import { address, call } from "../../lib/api/client";
import type {
  Artefact,
  Artefacts,
  Conversation,
  ConversationChange,
  ConversationPart,
  Diff,
  FileSets,
  GenerateIn,
  Readers,
  Run,
  Share,
  ShareIn,
  Shares,
  Started,
  Versions,
} from "./types";

const id = encodeURIComponent;

export interface ConversationQuery {
  q?: string;
  view?: "own" | "shared" | "deleted";
  archived?: boolean;
}

export const conversations = {
  list: (query: ConversationQuery, cursor: string | null) => call<ConversationPart>("GET", "/conversations", { query: { ...query, cursor, limit: 50 } }),
  change: (one: string, body: ConversationChange) => call<Conversation>("PATCH", `/conversations/${id(one)}`, { body }),
  remove: (one: string) => call<void>("DELETE", `/conversations/${id(one)}`),
  restore: (one: string) => call<Conversation>("POST", `/conversations/${id(one)}/restore`),
  exportAt: (one: string, format: "json" | "md") => address(`/conversations/${id(one)}/export`, { format }),
};

export const shares = {
  list: (one: string) => call<Shares>("GET", `/conversations/${id(one)}/share`),
  add: (one: string, body: ShareIn) => call<Share>("POST", `/conversations/${id(one)}/share`, { body }),
  remove: (one: string, share: Share) => call<void>("DELETE", `/conversations/${id(one)}/share/${share.kind}/${id(share.subject)}`),
};

export const readers = {
  find: (q: string) => call<Readers>("GET", "/people", { query: { q } }),
};

export const artefacts = {
  list: (query: { set_id?: string; q?: string }, cursor: string | null) => call<Artefacts>("GET", "/artefacts", { query: { ...query, cursor, limit: 100 } }),
  read: (one: string, version: number | null) => call<Artefact>("GET", `/artefacts/${id(one)}`, { query: { version } }),
  versions: (one: string) => call<Versions>("GET", `/artefacts/${id(one)}/versions`, { query: { limit: 200 } }),
  diff: (one: string, from: number, to: number) => call<Diff>("GET", `/artefacts/${id(one)}/diff`, { query: { from, to }, timeoutMs: 60_000 }),
  remove: (one: string) => call<void>("DELETE", `/artefacts/${id(one)}`),
  downloadAt: (one: string, version: number) => address(`/artefacts/${id(one)}/download`, { version }),
};

export const sets = {
  list: (cursor: string | null) => call<FileSets>("GET", "/artefact-sets", { query: { cursor, limit: 50 } }),
  remove: (one: string) => call<void>("DELETE", `/artefact-sets/${id(one)}`),
  downloadAt: (one: string) => address(`/artefact-sets/${id(one)}/download`),
};

export const generate = (body: GenerateIn, key: string) =>
  call<Started>("POST", "/ai/generate", { body, headers: { "Idempotency-Key": key }, timeoutMs: 60_000 });

export const runs = {
  read: (one: string) => call<Run>("GET", `/runs/${id(one)}`),
  cancel: (one: string) => call<Run>("POST", `/runs/${id(one)}/cancel`),
};
