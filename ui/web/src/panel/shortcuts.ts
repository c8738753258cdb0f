/** What the keys do in the panel. */
import { press } from "../lib/shortcuts";
import type { Panel } from "./state/panel.svelte";

export function shortcuts(event: KeyboardEvent, panel: Panel): void {
  press(event, {
    search: () => panel.layout.focus("search"),
    canSearch: !panel.layout.dialog,
    escape: escapeOf(panel),
    newChat: () => panel.newChat(),
    composer: () => {
      panel.showChat();
      panel.layout.focus("composer");
    },
    neighbour: (step) => panel.openNeighbour(step),
    help: () => (panel.layout.dialog = "help"),
  });
}

function escapeOf(panel: Panel): (() => void) | undefined {
  if (panel.layout.sheetRef) return () => panel.layout.closeSheet();
  return panel.chat.live && !panel.page ? () => void panel.chat.stop() : undefined;
}
