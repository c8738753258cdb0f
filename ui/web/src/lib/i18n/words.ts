/** The areas of words, and their keys as types: a key that no file has does not compile. */
import type common from "./en/common.json";
import type chat from "./en/chat.json";
import type models from "./en/models.json";
import type backends from "./en/backends.json";
import type performance from "./en/performance.json";
import type runtime from "./en/runtime.json";
import type plots from "./en/plots.json";
import type files from "./en/files.json";
import type advice from "./en/advice.json";
import type held from "./en/held.json";
import type printers from "./en/printers.json";
import type presets from "./en/presets.json";
import type calibration from "./en/calibration.json";
import type diagnosis from "./en/diagnosis.json";
import type settings from "./en/settings.json";
import type settingWords from "./en/setting-words.json";
import type storage from "./en/storage.json";
import type setup from "./en/setup.json";
import type logs from "./en/logs.json";
import type plugin from "./en/plugin.json";
import type updates from "./en/updates.json";
import type team from "./en/team.json";
import type queue from "./en/queue.json";
import type hub from "./en/hub.json";
import type hubSignIn from "./en/hub-sign-in.json";
import type hubOverview from "./en/hub-overview.json";
import type hubAccount from "./en/hub-account.json";
import type hubPeople from "./en/hub-people.json";
import type hubModels from "./en/hub-models.json";
import type hubAudit from "./en/hub-audit.json";
import type hubJobs from "./en/hub-jobs.json";
import type hubSettings from "./en/hub-settings.json";
import type hubWork from "./en/hub-work.json";
import type hubLimits from "./en/hub-limits.json";

export interface Words {
  common: typeof common;
  chat: typeof chat;
  models: typeof models;
  backends: typeof backends;
  performance: typeof performance;
  runtime: typeof runtime;
  plots: typeof plots;
  files: typeof files;
  advice: typeof advice;
  held: typeof held;
  printers: typeof printers;
  presets: typeof presets;
  calibration: typeof calibration;
  diagnosis: typeof diagnosis;
  settings: typeof settings;
  "setting-words": typeof settingWords;
  storage: typeof storage;
  setup: typeof setup;
  logs: typeof logs;
  plugin: typeof plugin;
  updates: typeof updates;
  team: typeof team;
  queue: typeof queue;
  hub: typeof hub;
  "hub-sign-in": typeof hubSignIn;
  "hub-overview": typeof hubOverview;
  "hub-account": typeof hubAccount;
  "hub-people": typeof hubPeople;
  "hub-models": typeof hubModels;
  "hub-audit": typeof hubAudit;
  "hub-jobs": typeof hubJobs;
  "hub-settings": typeof hubSettings;
  "hub-work": typeof hubWork;
  "hub-limits": typeof hubLimits;
}

export type Area = keyof Words;

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: Words;
  }
}
