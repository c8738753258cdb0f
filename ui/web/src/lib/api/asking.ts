/** Asking with one request: its answer says what was posted, and then goes on as the run's events. */
import { open, Unreachable, type CallOptions } from "./client";
import { EventReader } from "./event-reader";
import type { Posted } from "./types";

const POSTED_WITHIN_MS = 15_000;

export interface Asked extends Posted {
  /** The run's events from the first on; `null` if they have to be asked for. */
  events: EventReader | null;
}

/** Posts, and returns as soon as the agent has acknowledged. Raises ApiError or Unreachable. */
export async function postTurn(path: string, options: CallOptions): Promise<Asked> {
  const headers = { ...options.headers, Accept: "text/event-stream" };
  const response = await open("POST", path, { ...options, headers });
  if (!response.body) throw new Unreachable();
  const events = new EventReader(response.body);
  const timer = setTimeout(() => events.close(), POSTED_WITHIN_MS);
  try {
    return { ...(await readPosted(events)), events };
  } catch {
    events.close();
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
  }
}

async function readPosted(events: EventReader): Promise<Posted> {
  for (;;) {
    const came = await events.read();
    if (!came) throw new Unreachable();
    const [first, ...rest] = came;
    if (!first) continue;
    if (first.name !== "posted") throw new Unreachable();
    events.keep(rest);
    return JSON.parse(first.data) as Posted;
  }
}
