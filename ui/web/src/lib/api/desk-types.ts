/** Names for the shapes of settings, storage, log, updates and the plugin. */

export type SettingKind = "integer" | "number" | "text" | "flag" | "choice" | "path";
export type SettingValue = string | number | boolean | null;

export interface Setting {
  name: string;
  group: string;
  description: string;
  kind: SettingKind;
  unit: string;
  minimum: number | null;
  maximum: number | null;
  /** The minimum itself is too little. */
  is_above_minimum: boolean;
  choices: string[];
  may_be_unset: boolean;
  value: SettingValue;
  default: SettingValue;
  source: "default" | "file" | "environment" | "option" | "managed";
  /** What fixes it: the variable of the environment, or the file for many seats. */
  source_name: string | null;
  is_fixed: boolean;
  is_pending: boolean;
  /** What counts after the restart, if `is_pending`. */
  pending: SettingValue;
}

export interface Settings {
  items: Setting[];
  restart_needed: boolean;
  /** Why what stands in the file now could not be used. */
  problem: string | null;
  secrets_in: string;
  managed: { name: string } | null;
}

export type RestartWhen = "now" | "idle";

export interface Restarting {
  when: RestartWhen;
  waits_for: number;
}

export interface StorageItem {
  name: string;
  size_bytes: number;
  count: number;
  can_clean: boolean;
}

export interface Storage {
  data_dir: string;
  disk: { free_bytes: number; total_bytes: number };
  items: StorageItem[];
}

export interface Cleaned {
  freed_bytes: number;
  items: { name: string; freed_bytes: number }[];
}

export interface Backup {
  name: string;
  size_bytes: number;
  created_at: string | null;
  version: string | null;
  holds: string[];
  is_automatic: boolean;
  /** Why it was made: asked, automatic, before-restore, before-reset. */
  reason: string | null;
  /** Why it cannot be restored. */
  problem: string | null;
}

/** How the last restore ended; with a `problem` nothing was changed. */
export interface Restored {
  name: string;
  at: string;
  kept_as: string | null;
  problem: string | null;
  note: string | null;
}

export interface Backups {
  items: Backup[];
  last_restore: Restored | null;
}

export interface LogEntry {
  timestamp: string;
  level: string;
  logger: string;
  message: string;
  details: Record<string, unknown>;
  exception: string | null;
}

export interface LogPage {
  items: LogEntry[];
  next_cursor: string | null;
}

export interface Desktop {
  autostart: { is_on: boolean; is_possible: boolean; how: string | null; reason: string | null };
}

export interface Updates {
  is_on: boolean;
  current: string;
  has_source: boolean;
  latest: { version: string; notes: string; published: string; url: string | null } | null;
  checked_at: string | null;
  problem: { code: string; detail: string } | null;
}

export interface PluginFolder {
  path: string;
  state: "absent" | "current" | "older" | "newer" | "changed";
  version: string | null;
}

export interface Plugin {
  version: string;
  folders: PluginFolder[];
}

/** `kept`: names of the copies of files that somebody had changed. */
export interface PluginDone extends Plugin {
  kept: string[];
}
