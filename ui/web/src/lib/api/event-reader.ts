/** The events of one answer that goes on, as they come. */
import { SseParser, type ServerEvent } from "./sse";

export class EventReader {
  lastByteAt = Date.now();
  #parser = new SseParser();
  #kept: ServerEvent[] = [];
  #body: ReadableStreamDefaultReader<Uint8Array>;
  #isClosed = false;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#body = body.getReader();
  }

  /** The next events, none for a mere sign of life; `null` at the end. Raises where the line broke. */
  async read(): Promise<ServerEvent[] | null> {
    const kept = this.#kept;
    this.#kept = [];
    if (kept.length) return kept;
    const { value, done } = await this.#body.read();
    if (this.#isClosed) throw new Error("closed by this page");
    if (done) return null;
    this.lastByteAt = Date.now();
    return this.#parser.push(value);
  }

  /** Leaves events for the next who reads. */
  keep(events: ServerEvent[]): void {
    this.#kept = events;
  }

  /** Ends the connection; who waits in `read` is told by an error. */
  close(): void {
    this.#isClosed = true;
    this.#body.cancel().catch(() => undefined);
  }
}
