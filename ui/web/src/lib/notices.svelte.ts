/** Short messages: toasts that are seen, and announcements that are only heard. */
import { inWords } from "./errors";
import { t } from "./i18n";

export interface Toast {
  id: number;
  kind: "info" | "error";
  title: string;
  detail: string | null;
  requestId: string | null;
  action: { label: string; run: () => void } | null;
  lastsMs: number;
  /** The id of what it is about, where a later one about the same takes its place. */
  about: string | null;
}

type Told = Omit<Toast, "id" | "about"> & Partial<Pick<Toast, "about">>;

export class Notices {
  toasts = $state.raw<Toast[]>([]);
  /** Spoken politely by screen readers. */
  announcement = $state("");
  #next = 1;

  announce(text: string): void {
    // The same words twice are only spoken if they differ.
    this.announcement = this.announcement === text ? `${text}\u00a0` : text;
  }

  info(title: string, detail: string | null = null): void {
    this.#show({ kind: "info", title, detail, requestId: null, action: null, lastsMs: 6_000 });
  }

  error(error: unknown, doing: string): void {
    const words = inWords(error);
    this.#show({
      kind: "error",
      title: `${doing}: ${words.title}`,
      detail: words.detail,
      requestId: words.requestId,
      action: null,
      lastsMs: 15_000,
    });
  }

  /** An error that needs no words of the agent. */
  problem(title: string, detail: string): void {
    this.#show({ kind: "error", title, detail, requestId: null, action: null, lastsMs: 15_000 });
  }

  /** Only the last change of a thing can be undone: an older offer `about` it goes. */
  offerUndo(title: string, undo: () => void, about: string | null = null): void {
    this.offer(title, t("undo"), undo, about);
  }

  offer(title: string, label: string, run: () => void, about: string | null = null): void {
    this.#show({ kind: "info", title, detail: null, requestId: null, action: { label, run }, lastsMs: 10_000, about });
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  clear(): void {
    this.toasts = [];
  }

  #show({ about = null, ...toast }: Told): void {
    const isSame = (other: Toast) => other.title === toast.title && !other.action;
    const isOver = (other: Toast) => about !== null && other.about === about;
    const others = this.toasts.filter((other) => !isSame(other) && !isOver(other));
    this.toasts = [...others.slice(-3), { ...toast, about, id: this.#next++ }];
  }
}
