/** Pages and programs that wait to be let in by this signed-in panel. */
import * as agent from "../../lib/api/agent";
import { ApiError } from "../../lib/api/client";
import type { PairingWaiting } from "../../lib/api/types";
import { t } from "../../lib/i18n";

const EVERY_MS = 4_000;

export class Pairings {
  waiting = $state.raw<PairingWaiting[]>([]);
  #askedAt = 0;

  /** Called with each status poll; asks only now and then. */
  async poll(): Promise<void> {
    if (Date.now() - this.#askedAt < EVERY_MS) return;
    this.#askedAt = Date.now();
    try {
      this.waiting = (await agent.pairing.waiting()).items;
    } catch {
      // The next poll asks again.
    }
  }

  /** `null`, or why it did not work. */
  async confirm(id: string, code: string): Promise<string | null> {
    try {
      await agent.pairing.confirm(id, code);
      this.#drop(id);
      return null;
    } catch (error) {
      if (!(error instanceof ApiError)) return t("chat:pairing.no-answer");
      if (error.code === "wrong-code") return t("chat:pairing.wrong-code");
      this.#drop(id);
      return error.message;
    }
  }

  async refuse(id: string): Promise<void> {
    this.#drop(id);
    await agent.pairing.refuse(id).catch(() => (this.#askedAt = 0));
  }

  #drop(id: string): void {
    this.waiting = this.waiting.filter((pairing) => pairing.id !== id);
  }
}
