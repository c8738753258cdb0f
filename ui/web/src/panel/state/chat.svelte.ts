/** The open conversation: its messages as a tree, the branch shown, and what one can do with them. */
import * as agent from "../../lib/api/agent";
import type { Asked } from "../../lib/api/asking";
import { ApiError } from "../../lib/api/client";
import type { EventReader } from "../../lib/api/event-reader";
import type { Conversation, Message, PostMessage } from "../../lib/api/types";
import { t } from "../../lib/i18n";
import { newKey } from "../../lib/identifiers";
import { activeBranch, childrenByParent, newestLeaf } from "../../lib/tree";
import { Drafts, type Draft, type Evidence } from "./draft.svelte";
import { ShownMessage } from "./message.svelte";
import type { Models } from "./models.svelte";
import type { Notices } from "../../lib/notices.svelte";
import { answerOf, charactersOf, isRooted, MOST_CHARACTERS, resending } from "./turn";

/** So many messages back the agent looks for pictures that one may go on asking about. */
const LOOK_BACK = 8;

/** What a chat wants to know of the models that may answer. */
export type ModelChoice = Pick<
  Models,
  "lastPick" | "standard" | "imageReader" | "isBlind" | "visionObstacle" | "rememberPick"
> & {
  readonly items: readonly unknown[];
};

export class Chat {
  conversation = $state.raw<Conversation | null>(null);
  /** In creation order, over all branches. */
  messages = $state.raw<ShownMessage[]>([]);
  activeId = $state<string | null>(null);
  draft = $state.raw<Draft>() as Draft;
  isLoading = $state(false);
  /** Why the conversation asked for is not shown. */
  failure = $state.raw<unknown>(null);
  /** The message a search hit points to. */
  soughtId = $state<string | null>(null);
  #pickedForNew = $state<string | null>(null);
  #id = $state<string | null>(null);

  children = $derived(childrenByParent(this.messages));
  branch = $derived(activeBranch(this.messages, this.activeId).filter(isSpoken));
  /** Who shares it for reading alone, on a hub; `null` for what is one's own. */
  sharedBy = $derived((this.conversation as { shared_by?: string | null } | null)?.shared_by ?? null);
  live = $derived(this.branch.find((message) => message.isLive));

  /** Told when a conversation came to be or changed. */
  onChange: (conversation: Conversation) => void = () => {};
  onCreated: (conversation: Conversation) => void = () => {};
  /** Told when a conversation that was made for a turn is gone again, since the turn was refused. */
  onTakenBack: (id: string) => void = () => {};
  onDrop: () => void = () => {};
  #listener = { onEnd: (ended: ShownMessage) => this.#ended(ended), onDrop: () => this.onDrop() };

  constructor(
    readonly drafts: Drafts,
    readonly models: ModelChoice,
    readonly notices: Notices,
  ) {
    this.draft = drafts.of(null);
    this.#pickedForNew = models.lastPick;
  }

  get id(): string | null {
    return this.#id;
  }

  /** What the address names was deleted, or never was. */
  get isGone(): boolean {
    return isMissing(this.failure);
  }

  /** The model the user wants here; `null` leaves it to the agent. */
  get picked(): string | null {
    return this.#id && !this.isGone ? (this.conversation?.model ?? null) : this.#pickedForNew;
  }

  /** What of the slicer's goes along with the next question. */
  get evidence(): Evidence | null {
    if (this.draft.evidence !== undefined) return this.draft.evidence;
    const before = [...this.branch].reverse().find((message) => message.role === "user")?.context;
    if (!before?.file_id && !before?.preset) return null;
    const { file_id, preset, without } = before;
    return { ...(file_id ? { file_id } : {}), ...(preset ? { preset } : {}), without: without ?? [], name: preset ?? "" };
  }

  /** Why the attached images will not be looked at; `null` if nothing stands in the way. */
  get imageObstacle(): string | null {
    return this.draft.attachments.length ? this.models.visionObstacle(this.picked) : null;
  }

  /** Who looks at the attached images, or at those just talked about, if it is not who is named as the default. */
  get imageReader(): string | null {
    const isAboutImages = this.draft.attachments.length > 0 || this.branch.slice(-LOOK_BACK).some(hasImages);
    return isAboutImages && this.picked === null ? this.models.imageReader : null;
  }

  /** That the branch's images stay out of the next question, in words; `null` if there are none or they go along. */
  get imagesLeftOut(): string | null {
    if (this.draft.attachments.length || this.imageReader || !this.branch.some(hasImages)) return null;
    const model = this.picked ?? this.models.standard;
    return this.models.isBlind(model) ? t("chat:images.left-out", { model }) : null;
  }

  /** The agent would refuse images for a model that cannot see; without any model the guide takes the words. */
  get canSend(): boolean {
    const isRefused = this.imageObstacle !== null && this.models.items.length > 0;
    return this.draft.canSend && !isRefused && !this.isGone;
  }

  async open(id: string | null, soughtId: string | null = null): Promise<void> {
    this.soughtId = soughtId;
    if (id === this.#id && !this.failure) return;
    // What was written for it would lie where nobody gets to any more.
    if (id === null && this.isGone) this.drafts.of(null).takeOver(this.draft);
    this.close();
    this.#id = id;
    this.draft = this.drafts.of(id);
    if (id) await this.refresh();
  }

  /** Shows nothing and follows nothing; runs go on without this page. */
  close(): void {
    this.messages.forEach((message) => message.leave());
    this.#id = null;
    this.conversation = null;
    this.messages = [];
    this.activeId = null;
    this.failure = null;
  }

  /** Reads the conversation again, keeping what is being followed. */
  async refresh(): Promise<void> {
    const id = this.#id;
    if (!id) return;
    this.isLoading = !this.conversation;
    try {
      const [conversation, messages] = await Promise.all([agent.conversations.read(id), agent.allMessages(id)]);
      if (this.#id === id) this.#take(conversation, messages);
    } catch (error) {
      if (this.#id === id && !this.conversation) this.failure = error;
    } finally {
      if (this.#id === id) this.isLoading = false;
    }
  }

  /** Sends the composer's content. It stays there until the agent has acknowledged it. */
  async send(): Promise<boolean> {
    const draft = this.draft;
    if (!this.canSend || this.#isTooLong(draft.text.trim(), t("chat:failed.send-kept"))) return false;
    draft.isSending = true;
    let made: string | null = null;
    try {
      const id = this.#id ?? (made = await this.#create());
      const images = draft.attachments.flatMap((image) => (image.sha256 ? [image.sha256] : []));
      const body = { ...this.#body(draft.text.trim(), images), ...contextOf(draft) };
      const posted = await this.#post(id, body, draft.keyFor(body), draft);
      draft.acknowledge();
      await this.#takePosted(id, posted);
      return true;
    } catch (error) {
      if (made && isRefusal(error)) await this.#takeBack(made, draft);
      this.notices.error(error, t("chat:failed.send-kept"));
      draft.isSending = false;
      if (isMissing(error)) void this.lookWhetherChanged();
      return false;
    } finally {
      draft.isSending = false;
    }
  }

  /** Asks again with other words: a new branch beside `message`. */
  async edit(message: ShownMessage, text: string, key: string): Promise<boolean> {
    if (!this.#id || this.#isTooLong(text, t("chat:failed.send"))) return false;
    const context = message.context ?? null;
    const body = { ...this.#body(text, message.images), parent_id: message.parent_id, context };
    return this.#try(t("chat:failed.send"), async (id) => this.#takePosted(id, await this.#post(id, body, key)));
  }

  /** Answers again: a new branch beside `message`. */
  async regenerate(message: ShownMessage, model: string | null = this.picked): Promise<boolean> {
    const key = newKey();
    return this.#try(t("chat:failed.again"), async (id) => {
      const posted = await resending(() => agent.regenerate(message.id, model ?? undefined, key));
      await this.#takePosted(id, posted);
    });
  }

  async stop(): Promise<void> {
    await this.#try(t("chat:failed.stop"), async () => this.live?.stop());
  }

  /** The messages that stand in the place of `message`, itself among them. */
  siblings(message: ShownMessage): ShownMessage[] {
    return (this.children.get(message.parent_id) ?? [message]).filter((m) => m.role === message.role);
  }

  switchTo(sibling: ShownMessage): void {
    this.activeId = newestLeaf(sibling, this.children).id;
    if (this.sharedBy === null) void this.change({ active_message_id: this.activeId });
  }

  pick(model: string | null): void {
    this.models.rememberPick(model);
    this.#pickedForNew = model;
    if (this.#id && !this.isGone) void this.change({ model });
  }

  async change(change: Parameters<typeof agent.conversations.change>[1]): Promise<boolean> {
    return this.#try(t("chat:failed.change"), async (id) => {
      const conversation = await agent.conversations.change(id, change);
      if (this.#id === id) this.conversation = conversation;
      this.onChange(conversation);
    });
  }

  /** Another page, or a command, may have asked here, changed what is open or deleted it. */
  async lookWhetherChanged(): Promise<void> {
    const id = this.#id;
    const known = this.conversation;
    if (!id || !known || this.live || this.draft.isSending) return;
    try {
      const now = await agent.conversations.read(id);
      if (this.conversation === known && now.updated_at !== known.updated_at) await this.refresh();
    } catch (error) {
      if (this.conversation !== known || !isMissing(error)) return;
      this.conversation = null;
      this.messages = [];
      this.failure = error;
    }
  }

  /** The agent is back: what grows is asked for at once. */
  lookAgain(): void {
    this.messages.forEach((message) => message.lookAgain());
  }

  #isTooLong(text: string, doing: string): boolean {
    const characters = charactersOf(text);
    if (characters <= MOST_CHARACTERS) return false;
    this.notices.problem(doing, t("chat:composer.too-long", { characters, most: MOST_CHARACTERS }));
    return true;
  }

  #body(content: string, images: string[]): PostMessage {
    // Named, so that what is seen here is what is answered, whatever another page has done meanwhile.
    const body = { content, images, parent_id: this.activeId };
    return this.picked ? { ...body, model: this.picked } : body;
  }

  async #create(): Promise<string> {
    const model = this.#pickedForNew;
    const conversation = await agent.conversations.create(model ? { model } : {});
    this.drafts.adopt(conversation.id);
    this.#id = conversation.id;
    this.conversation = conversation;
    this.onCreated(conversation);
    return conversation.id;
  }

  /** Nothing was asked in it: an empty conversation would only be in the way. */
  async #takeBack(id: string, draft: Draft): Promise<void> {
    try {
      if (this.#id !== id || !this.drafts.canRelease(id)) return;
      await agent.conversations.remove(id);
    } catch {
      return; // It stays, with the text in it.
    }
    draft.refuse();
    this.drafts.release(id);
    if (this.#id === id) {
      this.close();
      this.draft = draft;
    }
    this.onTakenBack(id);
  }

  async #post(id: string, body: PostMessage, key: string, draft?: Draft): Promise<Asked> {
    try {
      return await resending(() => agent.conversations.post(id, body, key));
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) draft?.refuse();
      throw error;
    }
  }

  /** Shows the question and the growing answer that a turn has made. */
  async #takePosted(id: string, posted: Asked): Promise<void> {
    const answer = answerOf(posted);
    if (this.#id !== id) return posted.events?.close();
    if (answer && isRooted(posted.message, this.messages)) {
      this.#add(posted.message);
      this.#add(answer, posted.events);
      this.activeId = answer.id;
    } else {
      // The page has missed something, or the turn was sent before and its answer is there already.
      posted.events?.close();
      this.activeId = null;
      await this.refresh();
    }
    this.notices.announce(t("chat:said.sent"));
    // The first question gives the conversation its title.
    if (!this.conversation?.title) void this.#readConversation();
  }

  #take(conversation: Conversation, messages: Message[]): void {
    this.conversation = conversation;
    this.onChange(conversation);
    this.failure = null;
    const known = new Map(this.messages.map((message) => [message.id, message]));
    this.messages = messages.map((message) => {
      const shown = known.get(message.id);
      shown?.take(message);
      return shown ?? new ShownMessage(message, this.#listener);
    });
    const isLocal = this.activeId && messages.some((message) => message.id === this.activeId);
    if (!isLocal || !this.live) this.activeId = conversation.active_message_id;
    this.draft.settle(messages);
  }

  #add(message: Message, events: EventReader | null = null): void {
    if (this.messages.some((shown) => shown.id === message.id)) return events?.close();
    this.messages = [...this.messages, new ShownMessage(message, this.#listener, events)];
  }

  #ended(message: ShownMessage): void {
    const { status } = message;
    const said = t(`chat:said.${status === "streaming" ? "failed" : status}`);
    this.notices.announce(message.isSilent ? t("chat:answer.nothing") : said);
    void this.#readConversation();
    if (message.isLive) void this.refresh();
  }

  async #readConversation(): Promise<void> {
    const id = this.#id;
    if (!id) return;
    try {
      const conversation = await agent.conversations.read(id);
      if (this.#id === id) this.conversation = conversation;
      this.onChange(conversation);
    } catch {
      // The list catches up with the next refresh.
    }
  }

  async #try(doing: string, act: (id: string) => Promise<void>): Promise<boolean> {
    if (!this.#id) return false;
    try {
      await act(this.#id);
      return true;
    } catch (error) {
      this.notices.error(error, doing);
      return false;
    }
  }
}

/** Absent where the agent is to take what went along before. */
function contextOf({ evidence }: Draft): Pick<PostMessage, "context"> {
  if (evidence === undefined) return {};
  if (evidence === null) return { context: null };
  const { name: _, ...context } = evidence;
  return { context };
}

function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** The agent has said no; after other failures the turn may have arrived all the same. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && (error.status < 500 || error.status === 503);
}

function hasImages(message: ShownMessage): boolean {
  return message.images.length > 0;
}

function isSpoken(message: ShownMessage): boolean {
  return message.role === "user" || message.role === "assistant";
}
