/** Kinds of work in words. */
import { t } from "../../../lib/i18n";

const KINDS: Record<string, () => string> = {
  chat: () => t("queue:kinds.chat"),
  pull: () => t("queue:kinds.pull"),
  batch: () => t("queue:kinds.batch"),
  analysis: () => t("queue:kinds.analysis"),
  forward: () => t("queue:kinds.forward"),
  variants: () => t("queue:kinds.variants"),
  backup: () => t("queue:kinds.backup"),
};

export const kindWords = (kind: string) => KINDS[kind]?.() ?? kind;
