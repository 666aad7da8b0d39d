import type { JobRequest, Priority } from "@llamero/core";
import type { Claim, ClaimResult, FedJob } from "../src/index.ts";
import { done, openSlots, type StoreHarness, submit } from "./harness.ts";

export const KEPT_MS = 60_000;
export const params = { seed: 1, max_tokens: 10 };

export const turn = (session: string): JobRequest => ({ v: 1, type: "completion", prompt: "x", params, session_id: session });
export const withBeginning = (text: string): JobRequest => ({ v: 1, type: "completion", prompt: text.repeat(2_000), params });
export const plain: JobRequest = { v: 1, type: "completion", prompt: "x", params };

/** The common queue of carriers, as workers pull from it: the first that was added first, what is put back at its head. */
export class CarrierQueue {
  readonly #harness: StoreHarness;

  readonly waiting: FedJob[] = [];
  /** All that were ever fed, in their order. */
  readonly fed: string[] = [];
  /** Job → its place in the order of submission, to tell jobs by. */
  readonly #numbers = new Map<string, number>();

  constructor(harness: StoreHarness) {
    this.#harness = harness;
  }

  async open(slots: Record<string, number>): Promise<void> {
    for (const [worker, count] of Object.entries(slots)) this.#add(await openSlots(this.#harness, count, worker));
  }

  #add(fed: readonly FedJob[]): void {
    this.waiting.push(...fed);
    this.fed.push(...fed.map(({ jobId }) => jobId));
  }

  async submit(request: JobRequest, over: { priority?: Priority; owner?: string } = {}): Promise<number> {
    const { id, fed } = await submit(this.#harness, { request, ...over });
    this.#add(fed);
    this.#numbers.set(id, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** A worker's turn. @returns what it claimed; null: it put the carrier back */
  async pull(worker: string, keptMs: number | null = KEPT_MS): Promise<(Claim & { number: number; carrier: FedJob }) | null> {
    const carrier = this.waiting.shift();
    if (carrier === undefined) throw new Error("no carrier waits");
    const result = await this.claim(carrier, worker, keptMs);
    if (result.outcome === "left") {
      this.waiting.unshift(carrier);
      return null;
    }
    if (result.outcome !== "claimed") throw new Error(result.outcome);
    return { ...result.claim, number: this.number(result.claim.jobId), carrier };
  }

  number(jobId: string): number {
    return this.#numbers.get(jobId) ?? -1;
  }

  claim({ jobId, run }: Pick<FedJob, "jobId" | "run">, worker: string, keptMs: number | null = KEPT_MS): Promise<ClaimResult> {
    return this.#harness.store.claim({ job_id: jobId, run }, worker, { keptMs });
  }

  async end(claim: Claim | null): Promise<void> {
    if (claim === null) throw new Error("nothing was claimed");
    // As many tokens as it was expected to cost.
    const prompt = claim.request.type === "completion" ? Math.ceil(claim.request.prompt.length / 4) : 0;
    const usage = { prompt_tokens: prompt, cached_tokens: 0, completion_tokens: 10, total_tokens: prompt + 10 };
    const ended = await this.#harness.store.finish(claim, { ...done, result: { ...done.result, usage }, completionTokens: 10 });
    if (ended.outcome !== "finished") throw new Error(ended.outcome);
    this.#add(ended.fed);
  }

  /** Gives the slots of both workers something else to do. @returns by worker, the claims of it */
  async busy(slots = 1): Promise<{ w1: Claim[]; w2: Claim[] }> {
    const claims = { w1: [] as Claim[], w2: [] as Claim[] };
    for (const worker of ["w1", "w2"] as const)
      for (let i = 0; i < slots; i++) {
        await this.submit(plain);
        const claim = await this.pull(worker, null);
        if (claim !== null) claims[worker].push(claim);
      }
    return claims;
  }

  /** Runs what a worker gets to its end. @returns its number */
  async run(worker: string): Promise<number> {
    const claim = await this.pull(worker);
    await this.end(claim);
    return claim?.number ?? -1;
  }
}

/** A queue of two workers, of which w1 has had a turn of session `a`, and w2 one of session `b`. */
export async function warmedQueue(harness: StoreHarness, slots = 1): Promise<CarrierQueue> {
  const carriers = new CarrierQueue(harness);
  await carriers.open({ w1: slots, w2: slots });
  for (const [worker, session] of Object.entries({ w1: "a", w2: "b" })) {
    await carriers.submit(turn(session));
    await carriers.run(worker);
  }
  return carriers;
}
