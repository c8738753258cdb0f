/** What can be told about the program around the page. */
import { recall } from "./storage";

export interface Host {
  isSlicer: boolean;
  theme: "light" | "dark" | null;
}

/** OrcaSlicer names itself and its colours: `BBL-Slicer/v2.3.1 (dark)`. */
export function hostOf(userAgent: string): Host {
  const match = /BBL-Slicer\/\S+ \((dark|light)\)/.exec(userAgent);
  return {
    isSlicer: /BBL-Slicer\//.test(userAgent),
    theme: (match?.[1] as "light" | "dark" | undefined) ?? null,
  };
}

/** The language that OrcaSlicer speaks, `BBL-Language/zh_CN`, as the web writes it: `zh-CN`. */
export function languageOf(userAgent: string): string | undefined {
  const named = /BBL-Language\/([A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*)/.exec(userAgent)?.[1];
  try {
    return named && Intl.getCanonicalLocales(named.replaceAll("_", "-"))[0];
  } catch {
    return undefined;
  }
}

/** How words, numbers and times are written: as was chosen in the page, else as in the slicer
 * around it; undefined: as the browser does. */
export const locale = recall<string | null>("language", null) ?? languageOf(navigator.userAgent);

/** Host and port of an address that leaves this machine; `null` for one that does not. */
export function hostElsewhere(address: string | null | undefined): string | null {
  if (!address) return null;
  try {
    const { host, hostname } = new URL(address);
    const isHere = /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(hostname);
    return isHere ? null : host;
  } catch {
    return null;
  }
}

export type System = "windows" | "macos" | "linux";

export function systemOf(userAgent: string): System {
  if (/Windows/.test(userAgent)) return "windows";
  return /Mac OS|Macintosh/.test(userAgent) ? "macos" : "linux";
}

/** Whether shortcuts are written with ⌘. */
export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
