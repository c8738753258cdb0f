/** The Markdown renderer, which comes when the first text is drawn: the page itself starts without it. */

class Renderer {
  /** Safe HTML; `null` until the renderer is there, so long texts are shown as they were written. */
  toSafeHtml = $state.raw<((source: string) => string) | null>(null);
  #isComing = false;

  /** Asked for with each text; one that did not arrive is fetched again with the next. */
  want(): void {
    if (this.toSafeHtml || this.#isComing) return;
    this.#isComing = true;
    void this.#fetch();
  }

  async #fetch(): Promise<void> {
    try {
      this.toSafeHtml = (await import("./safe")).toSafeHtml;
    } catch {
      // The words themselves are on the page.
    } finally {
      this.#isComing = false;
    }
  }
}

export const renderer = new Renderer();
