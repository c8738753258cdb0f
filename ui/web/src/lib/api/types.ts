/** The shapes of the agent's API that the pages use. */

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string | null;
  request_id?: string | null;
  errors?: { field: string; detail: string }[] | null;
}

export interface OllamaState {
  url: string;
  state: "up" | "down" | "unknown";
  version: string | null;
  since: string | null;
  detail: string | null;
}

export interface Ready {
  status: "ready" | "degraded" | "starting" | "broken";
  version?: string;
  started_at?: string;
  ollama?: OllamaState;
  default_model?: string | null;
  models_count?: number;
  guide_entries?: number;
  data_dir_warning?: string | null;
}

export interface Session {
  kind: "session" | "token";
  name: string;
  scopes: string[];
  expires_at: string | null;
}

export interface Snippet {
  message_id: string | null;
  text: string;
}

export interface Conversation {
  id: string;
  title: string | null;
  model: string | null;
  system: string | null;
  created_at: string;
  updated_at: string;
  archived: boolean;
  pinned: boolean;
  active_message_id: string | null;
  message_count: number;
  snippets?: Snippet[];
}

export type ConversationChange = Partial<
  Pick<Conversation, "title" | "model" | "system" | "archived" | "pinned" | "active_message_id">
>;

export type Role = "system" | "user" | "assistant" | "tool";
export type MessageStatus = "streaming" | "complete" | "stopped" | "interrupted" | "failed";

export interface Usage {
  prompt_tokens?: number | null;
  completion_tokens?: number | null;
  load_ms?: number | null;
  first_token_ms?: number | null;
  tokens_per_second?: number | null;
}

export interface Source {
  title: string;
  ref: string;
}

export interface Message {
  id: string;
  conversation_id: string;
  parent_id: string | null;
  role: Role;
  content: string;
  thinking: string | null;
  images: string[];
  model: string | null;
  provider?: string | null;
  status: MessageStatus;
  created_at: string;
  run_id: string | null;
  usage: Usage | null;
  sources: Source[];
  trimmed?: number | null;
  problem?: Problem | null;
}

export type RunState = "queued" | "running" | "done" | "cancelled" | "interrupted" | "failed";

export interface Run {
  id: string;
  kind: string;
  state: RunState;
  conversation_id: string | null;
  message_id: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  last_seq: number;
  problem: Problem | null;
}

/** The question, and the run that answers it in the message `run.message_id`. */
export interface Posted {
  message: Message;
  run: Run;
}

export interface PostMessage {
  content: string;
  images: string[];
  model?: string;
  parent_id?: string | null;
}

export interface Model {
  name: string;
  backend: string;
  size_bytes: number | null;
  capabilities: string[];
  context_length: number | null;
  loaded: boolean;
  expires_at: string | null;
  digest: string | null;
  family?: string | null;
  parameter_size?: string | null;
  quantization?: string | null;
}

export interface ModelList {
  items: Model[];
  default_model?: string | null;
}

export interface ImageStored {
  sha256: string;
  mime: string;
  width: number;
  height: number;
  size_bytes: number;
}

export interface GuideEntry {
  title: string;
  ref: string;
  text: string;
  tags?: string[];
}

export interface PairingStarted {
  id: string;
  code: string;
  secret: string;
  expires_at: string;
  state: "waiting";
}

export interface PairingState {
  state: "waiting" | "confirmed" | "refused" | "expired";
}

export interface PairingWaiting {
  id: string;
  name: string;
  created_at: string;
  expires_at: string;
}

export interface Imported {
  created: number;
  updated: number;
  unchanged: number;
  messages_added: number;
}

/** What a run tells, by event name. */
export interface RunEventData {
  queued: { position: number };
  loading: { model: string };
  started: { model: string | null; backend: string | null; provider: string | null };
  sources: { items: Source[] };
  trimmed: { dropped_messages: number };
  thinking: { text: string };
  token: { text: string };
  tool: { name: string; arguments: unknown; result?: unknown };
  progress: { status: string; completed: number | null; total: number | null };
  done: { message?: Message; usage?: Usage | null };
  cancelled: { message?: Message };
  interrupted: { message?: Message };
  error: { problem: Problem; message?: Message };
}

export type RunEvent = {
  [Name in keyof RunEventData]: { seq: number; name: Name; data: RunEventData[Name] };
}[keyof RunEventData];
