/** The agent's routes around itself: settings, storage, backups, log, updates, the plugin. */
import { address, call } from "./client";
import type {
  Backup,
  Backups,
  Cleaned,
  Desktop,
  LogPage,
  NewBackup,
  Plugin,
  PluginDone,
  Report,
  Restarting,
  RestartWhen,
  Settings,
  SettingsChange,
  Storage,
  StorageName,
  Updates,
} from "./desk-types";
import type { Run } from "./types";
import { uploadBytes, type Upload } from "./upload";

const path = encodeURIComponent;

export const settings = {
  read: () => call<Settings>("GET", "/settings"),
  /** `null` takes the default again. */
  change: (change: SettingsChange) => call<Settings>("PATCH", "/settings", { body: change }),
};

export const restart = (when: RestartWhen) => call<Restarting>("POST", "/restart", { body: { when } });

export const desktop = {
  read: () => call<Desktop>("GET", "/desktop"),
  /** Ends the pause: what waits goes on. */
  resume: () => call<undefined>("POST", "/desktop/resume"),
  autostart: (isOn: boolean) => call<Desktop>("PATCH", "/desktop", { body: { autostart: isOn }, timeoutMs: 30_000 }),
};

export const storage = {
  /** Folders are counted, which takes a moment where they are full. */
  read: () => call<Storage>("GET", "/storage", { timeoutMs: 60_000 }),
  clean: (items: readonly StorageName[]) => call<Cleaned>("POST", "/storage/clean", { body: { items }, timeoutMs: 600_000 }),
};

export const backups = {
  list: () => call<Backups>("GET", "/backups"),
  make: (body: NewBackup) => call<Run>("POST", "/backup", { body }),
  remove: (name: string) => call<void>("DELETE", `/backups/${path(name)}`),
  /** A run that checks it as a whole; then the agent starts again with what is in it. */
  restore: (name: string) => call<Run>("POST", `/backups/${path(name)}/restore`),
  address: (name: string) => address(`/backups/${path(name)}`),
  upload: (file: Blob, onProgress: (share: number) => void): Upload<Backup> => uploadBytes("/backups", file, onProgress),
};

export const logs = {
  read: (query: { level: string; q: string; cursor?: string | null; limit: number }) => call<LogPage>("GET", "/logs", { query }),
};

/** Names no conversation, no file and no secret. */
export const supportReport = () => call<Report>("GET", "/support-report", { timeoutMs: 60_000 });

export const updates = {
  read: () => call<Updates>("GET", "/updates"),
  check: () => call<Updates>("POST", "/updates/check", { timeoutMs: 120_000 }),
};

export const plugin = {
  read: () => call<Plugin>("GET", "/plugin"),
  install: (folder: string) => call<PluginDone>("POST", "/plugin/install", { body: { path: folder } }),
  remove: (folder: string) => call<PluginDone>("POST", "/plugin/remove", { body: { path: folder } }),
};
