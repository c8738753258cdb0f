/**
 * Names for the shapes of the agent's API that the pages use.
 *
 * The shapes themselves are in schema.ts, which `make types` writes from the agent's description.
 */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Problem = Schemas["Problem"];
export type Ready = Schemas["ReadyOut"];
export type Token = Schemas["CredentialOut"];
export type TokenList = Schemas["CredentialsOut"];
export type NewToken = Schemas["TokenOut"];
export type Session = Schemas["SessionOut"];

/** With snippets if it was searched for. */
export type Conversation = Schemas["FoundConversation"];
export type ConversationPage = Schemas["ConversationPage"];
export type NewConversation = Schemas["ConversationIn"];
export type ConversationChange = Schemas["ConversationChange"];
export type Imported = Schemas["Imported"];

export type Message = Schemas["MessageOut"];
export type MessagePage = Schemas["MessagePage"];
export type MessageStatus = Message["status"];
export type Source = Schemas["Source"];
/** With whether it was counted, and not told by a server: the hub does so for what was stopped. */
export type Usage = Schemas["UsageOut"] & { is_estimate?: boolean; quota_tokens?: number };
/** Why another model answers than the first one. */
export type Fallback = Schemas["Fallback"];
export type PostMessage = Schemas["MessageIn"];
export type RegenerateMessage = Schemas["RegenerateIn"];
/** The question, and the run that answers it in the message `run.message_id`. */
export type Posted = Schemas["Posted"];
export type Run = Schemas["RunOut"];

export type Model = Schemas["ModelOut"];
export type RunPage = Schemas["RunPage"];
export type ModelList = Schemas["ModelsOut"];
export type Backend = Schemas["BackendOut"];
export type Backends = Schemas["BackendsOut"];
export type NewBackend = Schemas["BackendIn"];
export type Team = Schemas["TeamOut"];
export type TeamLogin = Schemas["LoginIn"];
export type BackendTested = Schemas["BackendTestedOut"];
export type Profiles = Schemas["ProfilesOut"];
export type Queues = Schemas["QueuesOut"];
export type Queue = Schemas["QueueOut"];
export type Runtime = Schemas["RuntimeOut"];
export type OllamaProcess = Schemas["OllamaProcessOut"];
export type Performance = Schemas["PerformancePage"];
export type ModelPerformance = Schemas["PerformanceOut"];
export type Spread = Schemas["SpreadOut"];
export type ProjectDays = Schemas["DaysPage"];
export type ProjectDay = Schemas["DayOut"];
export type Requests = Schemas["RequestsPage"];
export type ImageStored = Schemas["ImageOut"];
export type GuideEntry = Schemas["EntryOut"];

export type PairingStarted = Schemas["PairingStarted"];
export type PairingState = Schemas["PairingAnswer"];
export type PairingConfirmed = Schemas["PairingConfirmed"];
export type PairingList = Schemas["PairingsOut"];
export type PairingWaiting = Schemas["PairingWaiting"];

/** What a run tells, by event name. By hand: OpenAPI does not describe the events of a stream. */
export interface RunEventData {
  queued: { position: number };
  loading: { model: string };
  started: { model: string | null; backend: string | null; provider: string | null };
  backend: Fallback;
  sources: { items: Source[] };
  trimmed: { dropped_messages: number };
  thinking: { text: string };
  token: { text: string };
  tool: { name: string; arguments: Record<string, unknown>; result?: Record<string, unknown> | null };
  progress: {
    status: string;
    completed: number | null;
    total: number | null;
    /** Why nothing goes on, in a sentence. */
    detail?: string | null;
    bytes_per_second?: number | null;
    seconds_left?: number | null;
  };
  done: { message?: Message | null; result?: unknown; usage?: Usage | null };
  cancelled: { message?: Message | null };
  interrupted: { message?: Message | null };
  /** Without a message if the answer could not be saved. */
  error: { problem: Problem; message?: Message };
}

export type RunEvent = {
  [Name in keyof RunEventData]: { seq: number; name: Name; data: RunEventData[Name] };
}[keyof RunEventData];
