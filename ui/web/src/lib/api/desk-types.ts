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
  choices: string[] | null;
  value: SettingValue;
  default: SettingValue;
  source: "default" | "file" | "environment" | "managed";
  /** What fixes it: the variable of the environment, or the file for many seats. */
  source_name: string | null;
  is_fixed: boolean;
  /** What counts after the restart; absent or null where nothing waits. */
  pending?: SettingValue;
}

export interface Settings {
  items: Setting[];
  restart_needed: boolean;
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
  created_at: string;
  version: string;
  holds: string[];
  is_automatic: boolean;
}

export interface LogEntry {
  timestamp: string;
  level: string;
  logger: string;
  message: string;
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
  latest: { version: string; notes: string; published: string; url: string } | null;
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
