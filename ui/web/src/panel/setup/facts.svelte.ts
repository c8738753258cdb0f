/** What is set up already, read again and again: the steps and the summary tell what is, not what was clicked. */
import * as agent from "../../lib/api/agent";
import * as desk from "../../lib/api/desk";
import * as service from "../../lib/api/service";
import * as slicer from "../../lib/api/slicer";
import { Polled } from "../../lib/polled.svelte";
import type { Step } from "./steps";

export class Facts {
  readonly runtime = new Polled(service.runtime.look, 2_500);
  readonly models = new Polled(agent.models, 3_000);
  readonly profiles = new Polled(service.profiles, 300_000);
  readonly folders = new Polled(slicer.presets.folders, 15_000);
  readonly printers = new Polled(slicer.printers.list, 10_000);
  readonly settings = new Polled(desk.settings.read, 10_000);
  readonly plugin = new Polled(desk.plugin.read, 15_000);
  readonly desktop = new Polled(desk.desktop.read, 30_000);

  readonly servers = $derived((this.runtime.value?.backends ?? []).filter((one) => one.state === "up"));
  readonly chatting = $derived(
    (this.models.value?.items ?? []).filter((one) => !one.capabilities.length || one.capabilities.includes("completion")),
  );
  readonly found = $derived(this.folders.value?.items ?? []);
  readonly ownPresets = $derived(this.found.reduce((sum, one) => sum + one.user, 0));

  /** Decided, and enough to go on. */
  goesWithoutModel = $state(false);

  /** `null` where nobody can tell. */
  readonly startsItself = $derived(this.desktop.value?.autostart.is_on ?? null);

  readonly #all = [this.runtime, this.models, this.profiles, this.folders, this.printers, this.settings, this.plugin, this.desktop];
  /** Whether each has been answered: nothing moves away under the pointer then. */
  readonly isRead = $derived(this.#all.every((one) => one.value !== null || one.failure !== null));

  start(): () => void {
    const stops = this.#all.map((one) => one.start());
    return () => stops.forEach((stop) => stop());
  }

  /** Whether nothing is left to do in this step. */
  isMet(step: Step): boolean {
    switch (step) {
      case "server":
        return this.servers.length > 0;
      case "model":
        return this.chatting.length > 0;
      case "slicer":
        return this.found.length > 0;
      case "printer":
        return (this.printers.value?.items.length ?? 0) > 0;
      case "computer":
        return this.startsItself === true;
      case "end":
        return false;
    }
  }
}
