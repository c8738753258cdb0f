/** What can be told about the program around the page. */

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
