/** Signing in, oneself, and everybody else. */
import { call } from "../../lib/api/client";
import type {
  ByLink,
  DeviceLook,
  First,
  Group,
  Groups,
  KeyIn,
  Keys,
  Link,
  LoginIn,
  Machine,
  Machines,
  Me,
  Methods,
  NewGroup,
  NewKey,
  NewUser,
  PendingTotp,
  SelfChange,
  Session,
  SignedOut,
  User,
  UserChange,
  Users,
} from "./types";

const id = encodeURIComponent;

export interface Device {
  user_code: string;
  allow: boolean;
}

export const signing = {
  methods: () => call<Methods>("GET", "/auth/methods"),
  in: (body: LoginIn) => call<void>("POST", "/auth/login", { body, timeoutMs: 30_000 }),
  first: (body: First) => call<void>("POST", "/auth/first", { body, timeoutMs: 30_000 }),
  /** Another password, by the link of an Administrator. */
  reset: (body: ByLink) => call<void>("POST", "/auth/reset", { body, timeoutMs: 30_000 }),
  /** With an address where the provider ends its session, too. */
  out: () => call<SignedOut>("POST", "/auth/oidc/logout"),
  password: (old: string, password: string) => call<void>("POST", "/auth/password", { body: { old, new: password }, timeoutMs: 30_000 }),
  /** That it is still oneself. */
  prove: (password: string) => call<void>("POST", "/auth/proof", { body: { password }, timeoutMs: 30_000 }),
  deviceLook: (user_code: string) => call<DeviceLook>("POST", "/auth/device/look", { body: { user_code } }),
  device: (body: Device) => call<void>("POST", "/auth/device/approve", { body }),
  /** Where the browser goes, so that the machine gets its code. */
  machine: (body: Record<string, string | boolean>) => call<{ redirect_to: string }>("POST", "/auth/machine/approve", { body }),
};

export const me = {
  show: () => call<Me>("GET", "/users/me"),
  change: (body: SelfChange) => call<Me>("PATCH", "/users/me", { body }),
  sessions: () => call<{ items: Session[] }>("GET", "/auth/sessions"),
  endSession: (session: string) => call<void>("DELETE", `/auth/sessions/${id(session)}`),
  endOtherSessions: () => call<void>("DELETE", "/auth/sessions"),
};

export const users = {
  list: (q: string, cursor: string | null, limit = 100) => call<Users>("GET", "/users", { query: { q, cursor, limit } }),
  add: (body: NewUser) => call<User>("POST", "/users", { body, timeoutMs: 30_000 }),
  change: (user: string, body: UserChange) => call<User>("PATCH", `/users/${id(user)}`, { body }),
  remove: (user: string) => call<void>("DELETE", `/users/${id(user)}`),
  reset: (user: string, password: string) => call<void>("POST", `/users/${id(user)}/reset`, { body: { password }, timeoutMs: 30_000 }),
  link: (user: string) => call<Link>("POST", `/users/${id(user)}/reset`, { body: {} }),
  takeApp: (user: string) => call<void>("DELETE", `/users/${id(user)}/totp`),
  endSessions: (user: string) => call<void>("DELETE", `/users/${id(user)}/sessions`),
};

export const groups = {
  list: (q: string, cursor: string | null) => call<Groups>("GET", "/groups", { query: { q, cursor, limit: 100 } }),
  add: (body: NewGroup) => call<Group>("POST", "/groups", { body }),
  change: (group: string, body: Partial<NewGroup>) => call<Group>("PATCH", `/groups/${id(group)}`, { body }),
  remove: (group: string) => call<void>("DELETE", `/groups/${id(group)}`),
  putIn: (group: string, user: string) => call<void>("PUT", `/groups/${id(group)}/members/${id(user)}`),
  takeOut: (group: string, user: string) => call<void>("DELETE", `/groups/${id(group)}/members/${id(user)}`),
};

export const machines = {
  list: (all: boolean, cursor: string | null) => call<Machines>("GET", "/machines", { query: { ...(all ? { all } : {}), cursor, limit: 100 } }),
  rename: (machine: string, name: string) => call<Machine>("PATCH", `/machines/${id(machine)}`, { body: { name } }),
  remove: (machine: string) => call<void>("DELETE", `/machines/${id(machine)}`),
};

export const keys = {
  list: (all: boolean, cursor: string | null) => call<Keys>("GET", "/keys", { query: { ...(all ? { all } : {}), cursor, limit: 100 } }),
  /** Told this once. */
  add: (body: KeyIn) => call<NewKey>("POST", "/keys", { body }),
  revoke: (key: string) => call<void>("DELETE", `/keys/${id(key)}`),
};

/** The app that makes codes. */
export const totp = {
  begin: () => call<PendingTotp>("POST", "/auth/totp", { body: {} }),
  confirm: (code: string) => call<{ recovery_codes: string[] }>("POST", "/auth/totp/confirm", { body: { code } }),
  end: (password: string) => call<void>("DELETE", "/auth/totp", { body: { password }, timeoutMs: 30_000 }),
};
