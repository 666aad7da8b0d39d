import type { FedJob } from "@llamero/store";
import type { Carriers } from "./carriers.ts";

export interface Adding {
  carriers: Pick<Carriers, "add">;
  logger: { warn(details: object, text: string): void };
}

/**
 * Adds carriers for jobs that a script has fed. The jobs are committed: a failure here delays them until the sweeper finds them, and
 * must not fail what has committed them.
 */
export async function addCarriers({ carriers, logger }: Adding, fed: readonly FedJob[]): Promise<void> {
  await carriers.add(fed).catch((error: unknown) => logger.warn({ err: error }, "carriers not added; the sweeper adds them"));
}
