/** Sending a turn: once, however often it has to be tried. */
import { Unreachable } from "../../lib/api/client";
import type { Message, PostMessage } from "../../lib/api/types";

/** Pauses before a turn is sent again under the same key, in milliseconds. */
const RESEND_AFTER = [400, 1_200, 3_000];

/** The question as the agent stored it, known without asking. */
export function questionOf(answer: Message, body: PostMessage): Message {
  return {
    ...answer,
    id: answer.parent_id ?? "",
    parent_id: body.parent_id ?? null,
    role: "user",
    content: body.content,
    images: body.images,
    status: "complete",
    thinking: null,
    model: null,
    run_id: null,
    usage: null,
    sources: [],
  };
}

/** Tries again while nobody answers; the caller sends the same key each time. */
export async function resending<T>(post: () => Promise<T>): Promise<T> {
  for (const pause of RESEND_AFTER) {
    try {
      return await post();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return post();
}
