/** How wide the page is, and which side pieces are open. */
export type Dialog = "help" | "about";
type FocusTarget = "composer" | "search" | "heading" | "models";

export class Layout {
  /** The list stands beside the chat. */
  isWide = $state(false);
  /** There is room for a third column. */
  isRoomy = $state(false);
  isDrawerOpen = $state(false);
  dialog = $state<Dialog | null>(null);
  /** The guide passage shown in the side sheet. */
  sheetRef = $state<string | null>(null);
  #focusTargets = new Map<string, HTMLElement>();

  start(): () => void {
    const stops = [
      watch("(min-width: 47.5em)", (matches) => (this.isWide = matches)),
      watch("(min-width: 75em)", (matches) => (this.isRoomy = matches)),
    ];
    return () => stops.forEach((stop) => stop());
  }

  /** Svelte attachment that makes an element known to `focus`. */
  target(name: FocusTarget) {
    return (element: HTMLElement) => {
      this.#focusTargets.set(name, element);
      return () => {
        if (this.#focusTargets.get(name) === element) this.#focusTargets.delete(name);
      };
    };
  }

  closeSheet(): void {
    const hadFocus = document.activeElement?.closest("[data-testid=guide-passage]") != null;
    this.sheetRef = null;
    if (hadFocus) this.focus("composer");
  }

  /** As if it had been clicked. */
  press(name: FocusTarget): void {
    this.#focusTargets.get(name)?.click();
  }

  focus(name: FocusTarget): void {
    if (name === "search" && !this.isWide) this.isDrawerOpen = true;
    if (name === "composer") this.isDrawerOpen = false;
    // The drawer's content comes with the next frame.
    requestAnimationFrame(() => this.#focusTargets.get(name)?.focus());
  }
}

function watch(query: string, tell: (matches: boolean) => void): () => void {
  const list = matchMedia(query);
  const listen = () => tell(list.matches);
  list.addEventListener("change", listen);
  listen();
  return () => list.removeEventListener("change", listen);
}
