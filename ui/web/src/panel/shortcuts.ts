/** The panel's keys. OrcaSlicer swallows Ctrl or Cmd with R G J N O S F P I; none of them is used. */
import { isApple } from "../lib/host";
import { t } from "../lib/i18n";
import type { Words } from "../lib/i18n/words";
import type { Panel } from "./state/panel.svelte";

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

/** As it is printed on the keyboards of the language. */
export function keyName(key: string): string {
  return key === "Enter" || key === "Shift" || key === "Ctrl" ? t(`chat:keys.${key}`) : key;
}

export function shortcuts(event: KeyboardEvent, panel: Panel): void {
  if (event.defaultPrevented || event.isComposing) return;
  const act = actionOf(event, panel);
  if (!act) return;
  event.preventDefault();
  act();
}

function actionOf(event: KeyboardEvent, panel: Panel): (() => void) | undefined {
  const hasDialog = document.querySelector("dialog[open]") !== null;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    return event.code === "KeyK" && !panel.layout.dialog ? () => panel.layout.focus("search") : undefined;
  }
  if (event.ctrlKey || event.metaKey || hasDialog) return undefined;
  if (event.altKey) return withAlt(event, panel);
  if (event.key === "Escape" && panel.layout.sheetRef) return () => panel.layout.closeSheet();
  if (event.key === "Escape") return panel.chat.live && !panel.page ? () => void panel.chat.stop() : undefined;
  if (isTyping(event.target)) return undefined;
  if (event.key === "/") return () => panel.layout.focus("search");
  return event.key === "?" ? () => (panel.layout.dialog = "help") : undefined;
}

/** By place on the keyboard, since Option makes other letters on a Mac. */
function withAlt(event: KeyboardEvent, panel: Panel): (() => void) | undefined {
  const actions: Record<string, () => void> = {
    KeyN: () => panel.newChat(),
    KeyC: () => {
      panel.showChat();
      panel.layout.focus("composer");
    },
    ArrowUp: () => panel.openNeighbour(-1),
    ArrowDown: () => panel.openNeighbour(1),
  };
  return actions[event.code];
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}
