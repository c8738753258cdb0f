/** What makes a way in that lasts wants a recent proof: it is asked for, and the work done again. */
import { ApiError } from "../../lib/api/client";

/** By what somebody shows who they are. */
export type Means = "password" | "provider";

export class Proof {
  /** What the dialog asks for; null while nothing is wanted. */
  wanted = $state.raw<Means | null>(null);
  #settle: ((isGiven: boolean) => void) | null = null;

  /** What `work` gives, perhaps after somebody proved that it is them. */
  async around<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const means = meansIn(error);
      if (!means || !(await this.#ask(means))) throw error;
      return await work();
    }
  }

  /** Closes the dialog. */
  end(isGiven: boolean): void {
    this.wanted = null;
    this.#settle?.(isGiven);
    this.#settle = null;
  }

  #ask(means: Means): Promise<boolean> {
    this.end(false);
    this.wanted = means;
    return new Promise((settle) => (this.#settle = settle));
  }
}

function meansIn(error: unknown): Means | null {
  if (!(error instanceof ApiError) || error.code !== "proof-wanted") return null;
  const said: Record<string, unknown> = error.problem;
  return said.proof === "provider" ? "provider" : "password";
}
