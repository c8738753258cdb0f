/** The settings in force, for a form that depends on them; what it can do without, it does without. */
import * as desk from "../../lib/api/desk";
import type { Settings } from "../../lib/api/desk-types";

export class SettingsNow {
  value = $state.raw<Settings | null>(null);

  async read(): Promise<void> {
    try {
      this.value = await desk.settings.read();
    } catch {
      // The agent itself says what it does not allow.
    }
  }
}
