/** A list that is read page by page. What was asked for last counts, whichever answer comes last. */
export interface Part<T> {
  items: T[];
  next_cursor?: string | number | null;
}

export class Paged<T> {
  items = $state.raw<T[] | null>(null);
  failure = $state.raw<unknown>(null);
  hasMore = $state(false);
  isReading = $state(false);
  #next: string | number | null = null;
  #asked = 0;

  constructor(readonly read: (cursor: string | number | null) => Promise<Part<T>>) {}

  /** From the beginning. What is shown stays until the answer is there. */
  async reload(): Promise<void> {
    await this.#read(null);
  }

  async more(): Promise<void> {
    if (this.#next !== null) await this.#read(this.#next);
  }

  async #read(cursor: string | number | null): Promise<void> {
    const asked = ++this.#asked;
    this.isReading = true;
    try {
      const part = await this.read(cursor);
      if (asked !== this.#asked) return;
      this.items = cursor === null ? part.items : [...(this.items ?? []), ...part.items];
      this.#next = part.next_cursor ?? null;
      this.hasMore = this.#next !== null;
      this.failure = null;
    } catch (error) {
      if (asked === this.#asked) this.failure = error;
    } finally {
      if (asked === this.#asked) this.isReading = false;
    }
  }
}
