/** The agent's routes that the panel uses, one function each. */
import { postTurn } from "./asking";
import { call } from "./client";
import type {
  Conversation,
  ConversationChange,
  ConversationPage,
  GuideEntry,
  Imported,
  Message,
  MessagePage,
  ModelList,
  NewConversation,
  PairingConfirmed,
  PairingList,
  PairingStarted,
  PairingState,
  PostMessage,
  Ready,
  RegenerateMessage,
  Run,
  Session,
} from "./types";

export interface ConversationQuery {
  q?: string;
  archived?: boolean;
  cursor?: string | null;
  limit?: number;
}

const path = encodeURIComponent;

export const session = {
  read: () => call<Session>("GET", "/session"),
  end: () => call<void>("DELETE", "/session"),
};

export const pairing = {
  start: (name: string) => call<PairingStarted>("POST", "/pairing", { body: { name } }),
  state: (id: string, secret: string) =>
    call<PairingState>("POST", "/pairing", { body: { id, secret, session: true } }),
  waiting: () => call<PairingList>("GET", "/pairing"),
  confirm: (id: string, code: string) =>
    call<PairingConfirmed>("POST", `/pairing/${path(id)}/confirm`, { body: { code } }),
  refuse: (id: string) => call<void>("POST", `/pairing/${path(id)}/refuse`),
};

export const conversations = {
  list: (query: ConversationQuery, signal?: AbortSignal) =>
    call<ConversationPage>("GET", "/conversations", {
      query: { ...query },
      ...(signal ? { signal } : {}),
    }),
  read: (id: string) => call<Conversation>("GET", `/conversations/${path(id)}`),
  create: (body: NewConversation) => call<Conversation>("POST", "/conversations", { body }),
  change: (id: string, body: ConversationChange) =>
    call<Conversation>("PATCH", `/conversations/${path(id)}`, { body }),
  remove: (id: string) => call<void>("DELETE", `/conversations/${path(id)}`),
  restore: (id: string) => call<Conversation>("POST", `/conversations/${path(id)}/restore`),
  import: (document: unknown) =>
    call<Imported>("POST", "/conversations/import", { body: document, timeoutMs: 120_000 }),
  post: (id: string, body: PostMessage, key: string) =>
    postTurn(`/conversations/${path(id)}/messages`, { body, headers: { "Idempotency-Key": key } }),
};

/** Every message of a conversation, in creation order. */
export async function allMessages(conversationId: string): Promise<Message[]> {
  const messages: Message[] = [];
  let cursor: string | null = null;
  do {
    const page: MessagePage = await call("GET", `/conversations/${path(conversationId)}/messages`, {
      query: { cursor, limit: 200 },
    });
    messages.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return messages;
}

export const regenerate = (messageId: string, model: string | undefined, key: string) =>
  postTurn(`/messages/${path(messageId)}/regenerate`, {
    body: (model ? { model } : {}) satisfies RegenerateMessage,
    headers: { "Idempotency-Key": key },
  });

export const runs = {
  read: (id: string) => call<Run>("GET", `/runs/${path(id)}`),
  cancel: (id: string) => call<Run>("POST", `/runs/${path(id)}/cancel`),
};

export const models = () => call<ModelList>("GET", "/models");

export const guideEntry = (ref: string) =>
  call<GuideEntry>("GET", `/guide/${ref.split("/").map(path).join("/")}`);

export const ready = () =>
  call<Ready>("GET", "/health/ready", { timeoutMs: 5_000, alsoAccept: 503 });
