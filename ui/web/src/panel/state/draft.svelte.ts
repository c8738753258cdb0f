/** What stands in the composer, kept per conversation until the agent has acknowledged it. */
import { uploadImage, type Upload } from "../../lib/api/upload";
import { ApiError } from "../../lib/api/client";
import type { ImageStored, Message, PostMessage } from "../../lib/api/types";
import { inWords } from "../../lib/errors";
import { t } from "../../lib/i18n";
import { newKey } from "../../lib/identifiers";
import { forget, recall, remember } from "../../lib/storage";

/** What the agent says to a file that is no image, or one too large. */
const REFUSALS = new Set([400, 413, 415, 422]);

interface Kept {
  text: string;
  images: { sha256: string; name: string }[];
  /** The key of a turn that was sent and never acknowledged, and exactly what was sent. */
  turn?: Turn | null;
  evidence?: Evidence | null;
}

/** What of the slicer's goes along with a question. */
export interface Evidence {
  file_id?: string;
  /** Such as `filament/Generic PETG`. */
  preset?: string;
  /** What it is about, for the one who reads; empty until somebody has looked it up. */
  name: string;
  /** The pieces that shall not be sent. */
  without: string[];
}

interface Turn {
  key: string;
  body: string;
  since: number;
}

export class Attachment {
  sha256 = $state<string | null>(null);
  progress = $state(0);
  failure = $state<string | null>(null);
  /** The agent has looked at it and will not have it: trying again is of no use. */
  isRefused = $state(false);
  readonly id = newKey();
  readonly preview: string;
  #upload: Upload<ImageStored> | null = null;

  constructor(
    readonly name: string,
    readonly file: Blob | null,
    sha256: string | null = null,
  ) {
    this.sha256 = sha256;
    this.preview = file ? URL.createObjectURL(file) : `/api/v1/images/${sha256}`;
  }

  async upload(): Promise<void> {
    if (!this.file) return;
    this.failure = null;
    this.#upload = uploadImage(this.file, this.name, (share) => (this.progress = share));
    try {
      this.sha256 = (await this.#upload.finished).sha256;
    } catch (error) {
      const words = inWords(error);
      this.isRefused = error instanceof ApiError && REFUSALS.has(error.status);
      this.failure = words.detail ?? words.title;
    }
  }

  discard(): void {
    this.#upload?.cancel();
    if (this.file) URL.revokeObjectURL(this.preview);
  }
}

const nameOf = (id: string, owner: string) => (owner ? `draft.${owner}.${id}` : `draft.${id}`);

export class Draft {
  text = $state("");
  attachments = $state.raw<Attachment[]>([]);
  isSending = $state(false);
  /** What goes along; `undefined` leaves it at what went with the question before. */
  evidence = $state.raw<Evidence | null | undefined>(undefined);
  #turn: Turn | null = null;
  #name: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    id: string,
    readonly owner = "",
  ) {
    this.#name = nameOf(id, owner);
    const kept = recall<Kept>(this.#name, { text: "", images: [] });
    this.text = kept.text;
    this.attachments = kept.images.map((image) => new Attachment(image.name, null, image.sha256));
    this.#turn = kept.turn ?? null;
    this.evidence = kept.evidence;
  }

  get isEmpty(): boolean {
    return !this.text.trim() && !this.attachments.length;
  }

  get isUploading(): boolean {
    return this.attachments.some((image) => !image.sha256 && !image.failure);
  }

  get canSend(): boolean {
    const allThere = this.attachments.every((image) => image.sha256);
    return !this.isSending && !this.isEmpty && allThere;
  }

  write(text: string): void {
    this.text = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), 250);
  }

  /** `null` takes off what went along before. */
  take(evidence: Evidence | null | undefined): void {
    this.evidence = evidence;
    this.save();
  }

  attach(files: Iterable<File>): void {
    for (const file of files) {
      const attachment = new Attachment(file.name || t("chat:images.unnamed"), file);
      this.attachments = [...this.attachments, attachment];
      void attachment.upload().then(() => this.#keep(attachment));
    }
  }

  /** The same picture twice is one. */
  #keep(attachment: Attachment): void {
    const isThere = this.attachments.some((other) => other !== attachment && other.sha256 === attachment.sha256);
    if (attachment.sha256 && isThere) this.remove(attachment);
    else this.save();
  }

  remove(attachment: Attachment): void {
    attachment.discard();
    this.attachments = this.attachments.filter((other) => other !== attachment);
    this.save();
  }

  /** The key under which `body` is sent: the old one if just this was sent before without an answer. */
  keyFor(body: PostMessage): string {
    const text = JSON.stringify(body);
    if (this.#turn?.body !== text) this.#turn = { key: newKey(), body: text, since: Date.now() };
    this.save();
    return this.#turn.key;
  }

  /** A turn whose acknowledgement was lost may have arrived all the same. */
  settle(messages: readonly Message[]): void {
    const turn = this.#turn;
    if (!turn || this.isSending) return;
    const { content } = JSON.parse(turn.body) as PostMessage;
    const arrived = messages.some(
      (message) =>
        message.role === "user" && message.content === content && Date.parse(message.created_at) >= turn.since,
    );
    if (arrived && this.text.trim() === content) this.acknowledge();
  }

  /** The agent has it: nothing is kept any more. */
  acknowledge(): void {
    this.attachments.forEach((attachment) => attachment.discard());
    this.text = "";
    this.attachments = [];
    this.evidence = undefined;
    this.#turn = null;
    this.save();
  }

  /** What stands in `other` goes on here, below what stands here already. */
  takeOver(other: Draft): void {
    this.text = [this.text, other.text].filter((text) => text.trim()).join("\n\n");
    this.attachments = [...this.attachments, ...other.attachments];
    if (this.evidence === undefined) this.evidence = other.evidence;
    this.save();
    other.attachments = []; // they are shown on
    other.acknowledge();
  }

  /** The agent refused it for good: a later try is a new turn. */
  refuse(): void {
    this.#turn = null;
    this.save();
  }

  /** Goes on under the name of another conversation. */
  rename(id: string): void {
    forget(this.#name);
    this.#name = nameOf(id, this.owner);
    this.save();
  }

  save(): void {
    clearTimeout(this.#timer);
    const images = this.attachments.flatMap((image) =>
      image.sha256 ? [{ sha256: image.sha256, name: image.name }] : [],
    );
    const { text, evidence } = this;
    if (!text && !images.length && !this.#turn && evidence === undefined) forget(this.#name);
    else remember(this.#name, { text, images, turn: this.#turn, ...(evidence === undefined ? {} : { evidence }) } satisfies Kept);
  }
}

export class Drafts {
  #byId = new Map<string, Draft>();

  /** `owner`: whose they are, where several people use the same page. */
  constructor(readonly owner = "") {}

  of(conversationId: string | null): Draft {
    const id = conversationId ?? "new";
    const known = this.#byId.get(id);
    if (known) return known;
    const draft = new Draft(id, this.owner);
    this.#byId.set(id, draft);
    return draft;
  }

  /** The draft of the new chat becomes that of the conversation made from it. */
  adopt(conversationId: string): Draft {
    const draft = this.of(null);
    this.#byId.delete("new");
    this.#byId.set(conversationId, draft);
    draft.rename(conversationId);
    return draft;
  }

  /** Whether nothing else has been begun in the new chat. */
  canRelease(conversationId: string): boolean {
    return this.#byId.has(conversationId) && (this.#byId.get("new")?.isEmpty ?? true);
  }

  /** The draft of a conversation that came to nothing is that of the new chat again. */
  release(conversationId: string): void {
    const draft = this.of(conversationId);
    this.#byId.delete(conversationId);
    this.#byId.set("new", draft);
    draft.rename("new");
  }

  saveAll(): void {
    this.#byId.forEach((draft) => draft.save());
  }
}
