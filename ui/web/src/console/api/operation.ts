/** How the hub is run: audit log, background work, sign-ins, settings, health. */
import { address, call } from "../../lib/api/client";
import type { AuditPage, Chain, Concerns, Health, Job, JobPage, JobState, Logins, NewScimToken, Queues, ScimTokenPage, Settings } from "./types";

const id = encodeURIComponent;

export interface AuditFilter {
  q?: string;
  action?: string;
  actor?: string;
  outcome?: string;
  from?: string;
  to?: string;
}

export const audit = {
  list: (filter: AuditFilter, cursor: number | null) => call<AuditPage>("GET", "/audit", { query: { ...filter, cursor, limit: 100 } }),
  /** Reads all of it. */
  chain: () => call<Chain>("GET", "/audit/chain", { timeoutMs: 300_000 }),
  exportAt: (filter: AuditFilter, format: "ndjson" | "csv") => address("/audit/export", { ...filter, format }),
};

export const jobs = {
  list: (state: JobState | "", name: string, cursor: string | null) => call<JobPage>("GET", "/jobs", { query: { state, name, cursor, limit: 50 } }),
  queues: () => call<Queues>("GET", "/jobs/queues"),
  runNow: (name: string) => call<Job>("POST", "/jobs", { body: { name } }),
  retry: (job: string) => call<Job>("POST", `/jobs/${id(job)}/retry`),
  cancel: (job: string) => call<Job>("POST", `/jobs/${id(job)}/cancel`),
};

/** What is to be acted on. */
export const concerns = () => call<Concerns>("GET", "/concerns");
export const logins = () => call<Logins>("GET", "/auth/oidc/logins");
export const settings = () => call<Settings>("GET", "/settings");
/** Broken is an answer, too. */
export const health = () => call<Health>("GET", "/health/ready", { alsoAccept: 503 });

export const scimTokens = {
  list: () => call<ScimTokenPage>("GET", "/scim-tokens"),
  /** Told this once. */
  add: (name: string) => call<NewScimToken>("POST", "/scim-tokens", { body: { name } }),
  remove: (token: string) => call<void>("DELETE", `/scim-tokens/${id(token)}`),
};
