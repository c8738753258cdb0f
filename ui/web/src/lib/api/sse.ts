/** Reads server-sent events from bytes that may be cut anywhere. */

export interface ServerEvent {
  id: string;
  name: string;
  data: string;
}

/** Feed it chunks in order; it answers the events completed by each. */
export class SseParser {
  #decoder = new TextDecoder();
  #pending = "";
  #afterReturn = false;
  #id = "";
  #name = "";
  #data: string[] = [];

  push(chunk: Uint8Array): ServerEvent[] {
    let text = this.#decoder.decode(chunk, { stream: true });
    if (!text) return [];
    // A CRLF may be cut between its two characters; the line already ended at the first.
    if (this.#afterReturn && text.startsWith("\n")) text = text.slice(1);
    this.#afterReturn = text ? text.endsWith("\r") : false;

    const lines = (this.#pending + text).split(/\r\n|\r|\n/);
    this.#pending = lines.pop() ?? "";
    const events: ServerEvent[] = [];
    for (const line of lines) this.#take(line, events);
    return events;
  }

  #take(line: string, events: ServerEvent[]): void {
    if (line === "") {
      if (this.#data.length) {
        events.push({ id: this.#id, name: this.#name || "message", data: this.#data.join("\n") });
      }
      this.#name = "";
      this.#data = [];
      return;
    }
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.#id = value;
    else if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
  }
}
