import { setTimeout as pause } from "node:timers/promises";
import type { Deployment } from "./deployment.ts";

/** How often Redis is asked, in milliseconds. */
const LOOK_EVERY_MS = 100;

/** How many jobs have ended by now, as Redis says; webhooks tell of them later. */
export class Progress {
  readonly #deployment: Pick<Deployment, "admin" | "store">;
  readonly #before: number;
  ended = 0;

  private constructor(deployment: Pick<Deployment, "admin" | "store">, before: number) {
    this.#deployment = deployment;
    this.#before = before;
  }

  /** Counts from now on. */
  static async open(deployment: Pick<Deployment, "admin" | "store">): Promise<Progress> {
    return new Progress(deployment, await finished(deployment));
  }

  /** Keeps count until the signal comes. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.ended = (await finished(this.#deployment)) - this.#before;
      await pause(LOOK_EVERY_MS);
    }
  }
}

function finished({ admin, store }: Pick<Deployment, "admin" | "store">): Promise<number> {
  return admin.zcard(`${store.keys.base}finished`);
}
