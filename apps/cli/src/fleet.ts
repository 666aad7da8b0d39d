import type { Lifecycle, Logger } from "@llamero/process";
import { type Backoff, type ChildSpec, Supervisor } from "./supervisor.ts";

export interface FleetOptions {
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  readonly onLine: (name: string, line: string) => void;
  readonly backoff?: Backoff | undefined;
}

/** The children of `llamero dev`, which stop in the reverse order of their start. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #killers: (() => void)[] = [];

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Starts a child and keeps it running; answers when it is ready. */
  start<Ready>(spec: ChildSpec<Ready>, stopSeconds: number): Promise<Ready> {
    const { lifecycle, logger, onLine, backoff } = this.#options;
    const supervisor = new Supervisor(spec, { logger, onLine, ...(backoff === undefined ? {} : { backoff }) });
    this.onKill(() => supervisor.kill());
    lifecycle.defer(spec.name, () => supervisor.stop(stopSeconds * 1000));
    return supervisor.start();
  }

  /** What else is to be done, synchronously, when there is no time to stop in order. */
  onKill(clean: () => void): void {
    this.#killers.push(clean);
  }

  /** Ends every child at once, last started first. */
  kill(): void {
    for (const kill of this.#killers.splice(0).reverse()) kill();
  }
}
