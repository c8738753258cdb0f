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
}

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

  offerUndo(title: string, undo: () => void): void {
    this.offer(title, t("undo"), undo);
  }

  offer(title: string, label: string, run: () => void): void {
    this.#show({ kind: "info", title, detail: null, requestId: null, action: { label, run }, lastsMs: 10_000 });
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  clear(): void {
    this.toasts = [];
  }

  #show(toast: Omit<Toast, "id">): void {
    const same = this.toasts.filter((other) => other.title !== toast.title || other.action);
    this.toasts = [...same.slice(-3), { ...toast, id: this.#next++ }];
  }
}
