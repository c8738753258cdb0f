/** Waits for the agent to be there again after it was told to start anew. */
import type { Connection } from "../state/connection.svelte";

export class RestartWatch {
  isGoingOn = $state(false);
  #before: string | null = null;

  constructor(
    readonly connection: Connection,
    readonly onBack: () => void,
  ) {}

  begin(): void {
    this.#before = this.connection.ready?.started_at ?? null;
    this.isGoingOn = true;
  }

  /** The agent did not take it. */
  giveUp(): void {
    this.isGoingOn = false;
  }

  /** To be called in an effect: looks whenever the agent has answered. */
  look(): void {
    const since = this.connection.ready?.started_at;
    if (!this.isGoingOn || !since || since === this.#before) return;
    this.isGoingOn = false;
    this.onBack();
  }
}
