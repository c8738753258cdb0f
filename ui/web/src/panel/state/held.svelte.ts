/** The prints that wait for a click, wherever one is in the panel. */
import { ApiError } from "../../lib/api/client";
import * as slicer from "../../lib/api/slicer";
import type { Held as HeldJob } from "../../lib/api/slicer-types";

const EVERY_MS = 4_000;
/** The states in which a click sends a file, or puts it away. */
export const OFFERED: readonly string[] = ["held", "failed", "interrupted"];

export class Held {
  jobs = $state.raw<HeldJob[]>([]);
  isLoaded = $state(false);
  failure = $state.raw<unknown>(null);
  /** Told the name of a file that has begun to wait since the first look. */
  onNew: (name: string) => void = () => {};
  #askedAt = 0;
  #mayAsk = true;

  get waiting(): HeldJob[] {
    return this.jobs.filter((job) => OFFERED.includes(job.state));
  }

  /** Called with each status poll; asks only now and then. */
  async poll(): Promise<void> {
    if (!this.#mayAsk || Date.now() - this.#askedAt < EVERY_MS) return;
    await this.refresh();
  }

  async refresh(): Promise<void> {
    this.#askedAt = Date.now();
    try {
      const { items } = await slicer.held.list();
      const known = new Set(this.jobs.filter((job) => job.state !== "checking").map((job) => job.id));
      if (this.isLoaded) items.filter((job) => job.state === "held" && !known.has(job.id)).forEach((job) => this.onNew(job.file.name));
      this.jobs = items;
      this.isLoaded = true;
      this.failure = null;
    } catch (error) {
      this.failure = error;
      if (error instanceof ApiError && [403, 404].includes(error.status)) this.#mayAsk = false;
    }
  }

  clear(): void {
    this.jobs = [];
    this.isLoaded = false;
    this.#mayAsk = true;
  }
}
