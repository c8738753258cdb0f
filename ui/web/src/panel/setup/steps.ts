/** The steps of the set-up, and where one is in them. */
import { recall, remember } from "../../lib/storage";

export const STEPS = ["server", "model", "slicer", "printer", "computer", "end"] as const;
export type Step = (typeof STEPS)[number];

const KEY = "setup";

interface Kept {
  /** Where one goes on. */
  at: Step;
  /** Nobody is asked to begin any more: it was gone through, or put aside. */
  isOver: boolean;
}

const kept = (): Kept => ({ at: "server", isOver: false, ...recall<Partial<Kept>>(KEY, {}) });

/** What the address names; without a name, where one was. */
export function stepOf(place: string): Step {
  const at = kept().at;
  return STEPS.find((one) => one === place) ?? (STEPS.includes(at) ? at : "server");
}

export function neighbour(step: Step, way: 1 | -1): Step | null {
  return STEPS[STEPS.indexOf(step) + way] ?? null;
}

export const keepStep = (at: Step): void => remember(KEY, { ...kept(), at });
export const isSetupOver = (): boolean => kept().isOver;
/** Whoever comes back begins at the beginning. */
export const endSetup = (): void => remember(KEY, { at: "server", isOver: true });
