/** Sending a turn: once, however often it has to be tried. */
import { Unreachable } from "../../lib/api/client";
import type { Message, Posted } from "../../lib/api/types";

/** Pauses before a turn is sent again under the same key, in milliseconds. */
const RESEND_AFTER = [400, 1_200, 3_000];

/** As many characters as agent and hub take in one message. */
export const MOST_CHARACTERS = 2_000_000;

/** How many characters a text has as the agent counts them: an emoji is one. */
export function charactersOf(text: string): number {
  if (text.length <= MOST_CHARACTERS) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** The answer that begins to grow, as its run tells it; `null` if it is not growing any more. */
export function answerOf({ message, run }: Posted): Message | null {
  if (!run.message_id || !["queued", "running"].includes(run.state)) return null;
  return {
    ...message,
    id: run.message_id,
    parent_id: message.id,
    role: "assistant",
    content: "",
    images: [],
    status: "streaming",
    created_at: run.created_at,
    run_id: run.id,
  };
}

/** Whether the page knows where in the tree the question hangs. */
export function isRooted(question: Message, known: readonly { id: string }[]): boolean {
  const parent = question.parent_id;
  return question.role === "user" && (parent === null || known.some((message) => message.id === parent));
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
