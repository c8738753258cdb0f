/** The keys of conversations. OrcaSlicer swallows Ctrl or Cmd with R G J N O S F P I; none of them is used. */
import { isApple } from "./host";
import { t } from "./i18n";
import type { Words } from "./i18n/words";

const ALT = isApple ? "⌥" : "Alt";

/** What each does is named in the words of the chat. */
export const SHORTCUTS: { keys: string[]; does: keyof Words["chat"]["shortcuts"] }[] = [
  { keys: ["Enter"], does: "send" },
  { keys: ["Shift", "Enter"], does: "new-line" },
  { keys: ["Esc"], does: "escape" },
  { keys: [ALT, "N"], does: "new-chat" },
  { keys: [isApple ? "⌘" : "Ctrl", "K"], does: "search" },
  { keys: ["/"], does: "search-slash" },
  { keys: [ALT, "C"], does: "composer" },
  { keys: [ALT, "↑"], does: "previous" },
  { keys: [ALT, "↓"], does: "next" },
  { keys: ["?"], does: "help" },
];

/** What the keys do where they are pressed. */
export interface Doings {
  search: () => void;
  /** Whether Ctrl+K searches now: not behind a dialog that wants an answer. */
  canSearch: boolean;
  /** What Escape does now, if anything. */
  escape: (() => void) | undefined;
  newChat: () => void;
  composer: () => void;
  neighbour: (step: 1 | -1) => void;
  help: () => void;
}

/** As it is printed on the keyboards of the language. */
export function keyName(key: string): string {
  return key === "Enter" || key === "Shift" || key === "Ctrl" ? t(`chat:keys.${key}`) : key;
}

export function press(event: KeyboardEvent, doings: Doings): void {
  if (event.defaultPrevented || event.isComposing) return;
  const act = actionOf(event, doings);
  if (!act) return;
  event.preventDefault();
  act();
}

function actionOf(event: KeyboardEvent, doings: Doings): (() => void) | undefined {
  const hasDialog = document.querySelector("dialog[open]") !== null;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    return event.code === "KeyK" && doings.canSearch ? doings.search : undefined;
  }
  if (event.ctrlKey || event.metaKey || hasDialog) return undefined;
  if (event.altKey) return withAlt(event, doings);
  if (event.key === "Escape") return doings.escape;
  if (isTyping(event.target)) return undefined;
  if (event.key === "/") return doings.search;
  return event.key === "?" ? doings.help : undefined;
}

/** By place on the keyboard, since Option makes other letters on a Mac. */
function withAlt(event: KeyboardEvent, doings: Doings): (() => void) | undefined {
  const actions: Record<string, () => void> = {
    KeyN: doings.newChat,
    KeyC: doings.composer,
    ArrowUp: () => doings.neighbour(-1),
    ArrowDown: () => doings.neighbour(1),
  };
  return actions[event.code];
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}
