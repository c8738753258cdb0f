/** The size of a file in words: most of those that models write are smaller than a kilobyte. */
import { bytes } from "../../../lib/format";
import { t } from "../../../lib/i18n";

export const sizeOf = (size: number): string => (size < 1_000 ? t("hub-work:bytes", { count: size }) : bytes(size));
