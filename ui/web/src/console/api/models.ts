/** Model servers, what names stand for, and who may use them. */
import { call } from "../../lib/api/client";
import type {
  MyPolicy,
  Policy,
  PolicyIn,
  Provider,
  ProviderChange,
  ProviderIn,
  Providers,
  ProviderTested,
  Route,
  RouteChange,
  RouteIn,
  Routes,
  TeamModels,
} from "./types";

const id = encodeURIComponent;

export const providers = {
  list: () => call<Providers>("GET", "/providers"),
  add: (body: ProviderIn) => call<Provider>("POST", "/providers", { body, timeoutMs: 30_000 }),
  change: (provider: string, body: ProviderChange) => call<Provider>("PATCH", `/providers/${id(provider)}`, { body, timeoutMs: 30_000 }),
  remove: (provider: string) => call<void>("DELETE", `/providers/${id(provider)}`),
  test: (provider: string) => call<ProviderTested>("POST", `/providers/${id(provider)}/test`, { timeoutMs: 45_000 }),
};

export const models = () => call<TeamModels>("GET", "/ai/models");

export const routes = {
  list: () => call<Routes>("GET", "/routes"),
  add: (body: RouteIn) => call<Route>("POST", "/routes", { body }),
  change: (route: string, body: RouteChange) => call<Route>("PATCH", `/routes/${id(route)}`, { body }),
  remove: (route: string) => call<void>("DELETE", `/routes/${id(route)}`),
};

export const policy = {
  show: () => call<Policy>("GET", "/policy"),
  replace: (body: PolicyIn) => call<Policy>("PUT", "/policy", { body }),
  mine: () => call<MyPolicy>("GET", "/policy/me"),
};
