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

export type System = "windows" | "macos" | "linux";

export function systemOf(userAgent: string): System {
  if (/Windows/.test(userAgent)) return "windows";
  return /Mac OS|Macintosh/.test(userAgent) ? "macos" : "linux";
}

/** Whether shortcuts are written with ⌘. */
export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
