/** Signing in, oneself, and everybody else. */
import { call } from "../../lib/api/client";
import type { First, Login, Me, Methods, NewUser, Session, User, UserChange, Users } from "./types";

const id = encodeURIComponent;

export interface Device {
  user_code: string;
  allow: boolean;
}

export const signing = {
  methods: () => call<Methods>("GET", "/auth/methods"),
  in: (body: Login) => call<void>("POST", "/auth/login", { body, timeoutMs: 30_000 }),
  first: (body: First) => call<void>("POST", "/auth/first", { body, timeoutMs: 30_000 }),
  /** With an address where the provider ends its session, too. */
  out: () => call<{ go_to?: string | null } | undefined>("POST", "/auth/logout"),
  password: (old: string, password: string) => call<void>("POST", "/auth/password", { body: { old, new: password }, timeoutMs: 30_000 }),
  device: (body: Device) => call<void>("POST", "/auth/device/approve", { body }),
  /** Where the browser goes, so that the machine gets its code. */
  machine: (body: Record<string, string | boolean>) => call<{ redirect_to: string }>("POST", "/auth/machine/approve", { body }),
};

export const me = {
  show: () => call<Me>("GET", "/users/me"),
  change: (body: { display_name?: string; email?: string }) => call<Me>("PATCH", "/users/me", { body }),
  sessions: () => call<{ items: Session[] }>("GET", "/auth/sessions"),
  endSession: (session: string) => call<void>("DELETE", `/auth/sessions/${id(session)}`),
  endOtherSessions: () => call<void>("DELETE", "/auth/sessions"),
};

export const users = {
  list: (q: string, cursor: string | null) => call<Users>("GET", "/users", { query: { q, cursor, limit: 100 } }),
  add: (body: NewUser) => call<User>("POST", "/users", { body, timeoutMs: 30_000 }),
  change: (user: string, body: UserChange) => call<User>("PATCH", `/users/${id(user)}`, { body }),
  remove: (user: string) => call<void>("DELETE", `/users/${id(user)}`),
};
