/** Who does jobs: a process on a computer, by the same words wherever it is named. */
import { t } from "../../../lib/i18n";

export const doerOf = (host: string, process: number): string => t("hub-jobs:doer", { host, process });
