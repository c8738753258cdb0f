/** Runs the latest request once per frame, and less often where one run costs much. */
export class FrameBatch {
  #wanted = false;
  #notBefore = 0;
  #handle = 0;

  constructor(readonly work: () => void) {}

  request(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#plan();
  }

  /** Does what is due without waiting for the frame. */
  flush(): void {
    if (!this.#wanted) return;
    cancelAnimationFrame(this.#handle);
    clearTimeout(this.#handle);
    this.#run();
  }

  #plan(): void {
    const wait = this.#notBefore - performance.now();
    // A hidden page gets no frames at all.
    if (document.hidden) this.#handle = window.setTimeout(() => this.#run(), 250);
    else if (wait > 4) this.#handle = window.setTimeout(() => this.#plan(), wait);
    else this.#handle = requestAnimationFrame(() => this.#run());
  }

  #run(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    const started = performance.now();
    this.work();
    const cost = performance.now() - started;
    // At most about a quarter of the time goes into rendering.
    if (cost > 6) this.#notBefore = started + cost * 4;
  }
}
