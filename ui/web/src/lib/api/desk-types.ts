/** Names for the shapes of settings, storage, log, updates and the plugin; the shapes are in schema.ts. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Settings = Schemas["SettingsOut"];
export type Setting = Schemas["SettingOut"];
export type SettingValue = Setting["value"];
/** Values by name; `null` takes the default again. */
export type SettingsChange = Schemas["SettingsIn"];
export type Restarting = Schemas["RestartOut"];
export type RestartWhen = Restarting["when"];

export type Storage = Schemas["StorageOut"];
export type StorageItem = Schemas["StorageItemOut"];
export type StorageName = StorageItem["name"];
export type Cleaned = Schemas["CleanedOut"];
export type Backup = Schemas["BackupOut"];
export type Backups = Schemas["BackupPage"];
export type NewBackup = Schemas["BackupIn"];

export type LogEntry = Schemas["LogEntryOut"];
export type LogPage = Schemas["LogPageOut"];
export type Report = Schemas["SupportReportOut"];

export type Desktop = Schemas["DesktopOut"];
export type Updates = Schemas["UpdatesOut"];
export type Plugin = Schemas["PluginOut"];
export type PluginDone = Schemas["PluginDoneOut"];
export type PluginFolder = Schemas["PluginFolderOut"];
