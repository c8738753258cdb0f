/** What takes space, in words: what it is, and what cleaning it takes away. */
import type { Backup, StorageName } from "../../../lib/api/desk-types";
import { t } from "../../../lib/i18n";

interface About {
  name: string;
  what: string;
  /** What is gone afterwards. */
  cleaned: string;
}

const ABOUT: Record<StorageName, () => About> = {
  database: () => ({ name: t("storage:database"), what: t("storage:database-what"), cleaned: t("storage:database-cleaned") }),
  images: () => ({ name: t("storage:images"), what: t("storage:images-what"), cleaned: t("storage:images-cleaned") }),
  image_cache: () => ({ name: t("storage:image-cache"), what: t("storage:image-cache-what"), cleaned: t("storage:image-cache-cleaned") }),
  answer_cache: () => ({ name: t("storage:answer-cache"), what: t("storage:answer-cache-what"), cleaned: t("storage:answer-cache-cleaned") }),
  slicer_files: () => ({ name: t("storage:slicer-files"), what: t("storage:slicer-files-what"), cleaned: t("storage:slicer-files-cleaned") }),
  logs: () => ({ name: t("storage:logs"), what: t("storage:logs-what"), cleaned: t("storage:logs-cleaned") }),
  backups: () => ({ name: t("storage:backups"), what: t("storage:backups-what"), cleaned: t("storage:backups-cleaned") }),
  migrations_backup: () => ({
    name: t("storage:migrations-backup"),
    what: t("storage:migrations-backup-what"),
    cleaned: t("storage:migrations-backup-cleaned"),
  }),
  models: () => ({ name: t("storage:models"), what: t("storage:models-what"), cleaned: "" }),
  other: () => ({ name: t("storage:other"), what: t("storage:other-what"), cleaned: "" }),
};

export const about = (name: StorageName) => ABOUT[name]();

const HELD: Record<Backup["holds"][number], () => string> = {
  database: () => t("storage:holds.database"),
  settings: () => t("storage:holds.settings"),
  images: () => t("storage:holds.images"),
  files: () => t("storage:holds.files"),
};

/** What a backup holds, in words. */
export const heldWords = (name: Backup["holds"][number]) => HELD[name]();
