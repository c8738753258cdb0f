/** What was used, how much may be used, and what it costs. */
import { call } from "../../lib/api/client";
import type { Cost, CostIn, Costs, OwnQuotas, Quota, QuotaChange, QuotaIn, Quotas, TeamRuns, Usages } from "./types";

const id = encodeURIComponent;

export interface UsageQuery {
  from?: string;
  to?: string;
  by: Usages["by"];
  model?: string;
  user?: string;
}

export const usage = (query: UsageQuery) => call<Usages>("GET", "/usage", { query: { ...query } });

export const quotas = {
  list: () => call<Quotas>("GET", "/quotas"),
  own: () => call<OwnQuotas>("GET", "/quotas/me"),
  add: (body: QuotaIn) => call<Quota>("POST", "/quotas", { body }),
  change: (quota: string, body: QuotaChange) => call<Quota>("PATCH", `/quotas/${id(quota)}`, { body }),
  remove: (quota: string) => call<void>("DELETE", `/quotas/${id(quota)}`),
};

export const costs = {
  list: () => call<Costs>("GET", "/costs"),
  set: (body: CostIn) => call<Cost>("POST", "/costs", { body }),
  remove: (cost: string) => call<void>("DELETE", `/costs/${id(cost)}`),
};

/** What everybody asks of models, the newest first. */
export const runs = {
  list: (state: string, cursor: string | null) => call<TeamRuns>("GET", "/runs", { query: { ...(state ? { state } : {}), all: true, cursor, limit: 100 } }),
  cancel: (run: string) => call<void>("POST", `/runs/${id(run)}/cancel`),
};

/** Those that are not over, everybody's. */
export const runsNow = () => call<TeamRuns>("GET", "/runs", { query: { state: "running", all: true, limit: 100 } });
