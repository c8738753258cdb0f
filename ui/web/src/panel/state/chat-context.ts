/** The chat that the messages on a page belong to: the panel has one, and so has the hub's console. */
import { getContext, setContext, type Component } from "svelte";

import type { Chat } from "./chat.svelte";

const KEY = Symbol("chat");

/** What the panel has around a chat, and the console has not. */
export interface Around {
  /** Shows a passage of the print guide. */
  openPassage: (ref: string) => void;
  /** Changes to a preset that an answer proposes. */
  Advice: Component<{ id: string }> | null;
}

export function provideChat(chat: Chat, around: Around = { openPassage: () => {}, Advice: null }): Chat {
  setContext(KEY, { chat, around });
  return chat;
}

export const useChat = (): Chat => getContext<{ chat: Chat }>(KEY).chat;
export const useAround = (): Around => getContext<{ around: Around }>(KEY).around;
