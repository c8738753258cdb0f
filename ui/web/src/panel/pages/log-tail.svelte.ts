/** The last lines of Ollama's log, and each that comes. */
import { ApiError, open } from "../../lib/api/client";
import { EventReader } from "../../lib/api/event-reader";

const KEPT = 500;
const REST_MS = 2_000;

export class LogTail {
  lines = $state.raw<string[]>([]);
  /** Why there is no log to show, in the agent's words. */
  absence = $state.raw<string | null>(null);
  #lastId = "";
  #reader: EventReader | null = null;
  #isWanted = false;

  start(): () => void {
    this.#isWanted = true;
    void this.#follow();
    return () => {
      this.#isWanted = false;
      this.#reader?.close();
    };
  }

  async #follow(): Promise<void> {
    while (this.#isWanted) {
      try {
        await this.#readOnce();
      } catch (error) {
        if (error instanceof ApiError) this.absence = error.message;
      }
      if (this.#isWanted) await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
  }

  async #readOnce(): Promise<void> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
    const response = await open("GET", "/runtime/logs", { headers, query: { lines: 200 } });
    if (!response.body) return;
    this.absence = null;
    const reader = (this.#reader = new EventReader(response.body));
    // The page was left while the answer was on its way.
    if (!this.#isWanted) return reader.close();
    for (;;) {
      const events = await reader.read();
      if (!events) return;
      const came = events.filter((event) => event.name === "log");
      const last = came[came.length - 1];
      if (!last) continue;
      this.#lastId = last.id;
      this.lines = [...this.lines, ...came.map((event) => String(JSON.parse(event.data).line))].slice(-KEPT);
    }
  }
}
