import type { RunScript } from "./scripts.ts";

/** What waits for a model, as one of the workers sees it. */
export interface Backlog {
  /**
   * For how long its oldest job has waited for a worker, in milliseconds; null when none waits. Jobs that are fed wait until they
   * are claimed, and again when the worker that had claimed them is gone.
   */
  waitingMs: number | null;
  /** Another live worker has the model, or is loading it. */
  isElsewhere: boolean;
}

export async function backlogs(run: RunScript, workerId: string, slugs: readonly string[]): Promise<Map<string, Backlog>> {
  const answer = (await run("backlogs", [workerId, ...slugs])) as (number | null)[];
  return new Map(
    slugs.map((slug, index) => [slug, { waitingMs: answer[index * 2] ?? null, isElsewhere: answer[index * 2 + 1] === 1 }]),
  );
}
