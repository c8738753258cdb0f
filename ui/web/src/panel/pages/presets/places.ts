/** Addresses within the presets' page. */
import type { PresetType } from "../../../lib/api/slicer-types";

export type Place =
  | { kind: "list" }
  | { kind: "preset"; type: PresetType; name: string }
  | { kind: "compare"; type: PresetType; a: string; b: string };

export const TYPES: readonly PresetType[] = ["filament", "process", "machine"];

const isType = (text: string | undefined): text is PresetType => TYPES.some((one) => one === text);

export function placeOf(place: string): Place {
  const parts = place.split("/").map(decoded);
  const [first, second, third, fourth] = parts;
  if (first === "compare" && isType(second) && third) return { kind: "compare", type: second, a: third, b: fourth ?? "" };
  if (isType(first) && second) return { kind: "preset", type: first, name: second };
  return { kind: "list" };
}

/** Somebody may have written the address by hand. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const presetPlace = (type: PresetType, name: string): string => `${type}/${encodeURIComponent(name)}`;
export const comparePlace = (type: PresetType, a: string, b: string): string =>
  `compare/${type}/${encodeURIComponent(a)}${b ? `/${encodeURIComponent(b)}` : ""}`;
