import type { Redis } from "ioredis";
import type { Acceptance } from "../accept.ts";
import type { Keys } from "../keys.ts";
import { readPage } from "../read-page.ts";
import { guarded } from "../redis-errors.ts";
import type { RunScript } from "../scripts.ts";
import { type StoredBatch, toBatch } from "./batch-record.ts";
import { createHeldBatches } from "./held-batch.ts";
import { createClosing, createOpening } from "./segments.ts";

export interface NewBatch
  extends Pick<
    StoredBatch,
    "id" | "owner" | "keyId" | "endpoint" | "inputFileId" | "windowSeconds" | "metadata" | "outputExpiresSeconds"
  > {
  /** What its file must be for. Default: `batch`. */
  inputPurpose?: string;
  /** A batch over the same content whose finished lines are not run again. */
  reuse: string | null;
  /** Digests of the caller's Idempotency-Key and of the body it came with. */
  idempotency: { key: string; bodyHash: string } | null;
}

export type CreatedBatch =
  | { outcome: "created" }
  | { outcome: "duplicate" | "conflict"; id: string }
  | { outcome: "no_file" }
  | { outcome: "wrong_purpose"; purpose: string }
  /** Of the batch to reuse: it is not there, runs, was over something else, or its file has been deleted. */
  | { outcome: "no_batch" | "not_ended" | "other_content" | "content_gone" };

export interface BatchQuery {
  owner: string;
  limit: number;
  /** The id after which the page starts. */
  after?: string;
  order?: "desc" | "asc";
  isWanted: (batch: StoredBatch) => boolean;
}

/** `stopping`: its lines that have not begun will not. */
export type StopResult = "stopping" | "ended" | "gone";

/** The batches of all owners. */
export function createBatches(redis: Redis, keys: Keys, run: RunScript, limits: Acceptance["limits"]) {
  const read = async (id: string) => toBatch(id, await redis.hgetall(keys.batch(id)));
  const stop = async (id: string, owner: string, reason: "cancelled" | "expired"): Promise<StopResult> => {
    const reply = String(await run("stop-batch", [id, owner, reason]));
    return reply === "stopping" || reply === "gone" ? reply : "ended";
  };
  return {
    async create(batch: NewBatch): Promise<CreatedBatch> {
      const {
        id,
        owner,
        keyId,
        endpoint,
        inputFileId,
        inputPurpose = "batch",
        windowSeconds,
        metadata,
        outputExpiresSeconds,
        reuse,
        idempotency,
      } = batch;
      const reply = (await run("create-batch", [
        ...[id, owner, keyId ?? "", endpoint, inputFileId, inputPurpose, windowSeconds],
        Object.keys(metadata).length === 0 ? "" : JSON.stringify(metadata),
        ...[outputExpiresSeconds ?? "", reuse ?? "", idempotency?.key ?? "", idempotency?.bodyHash ?? ""],
      ])) as [CreatedBatch["outcome"], unknown];
      const [outcome, value] = reply;
      if (outcome === "duplicate" || outcome === "conflict") return { outcome, id: String(value) };
      return outcome === "wrong_purpose" ? { outcome, purpose: String(value) } : { outcome };
    },
    /** Only the owner's own one; of whoever, for dispatchers, where no owner is given. */
    get: ({ id, owner }: { id: string; owner?: string }): Promise<StoredBatch | null> =>
      guarded(async () => {
        const batch = await read(id);
        return owner === undefined || batch?.owner === owner ? batch : null;
      }),
    /** A page of an owner's batches by creation time, the newest first unless asked otherwise. */
    list: ({ owner, limit, after, order = "desc", isWanted }: BatchQuery) =>
      guarded(async () => {
        const { found, hasMore } = await readPage(redis, {
          ...{ indexes: [keys.batchesOf(owner)], order, after, limit },
          read: (ids) => Promise.all(ids.map(read)),
          fits: isWanted,
        });
        return { batches: found, hasMore };
      }),
    /** Removes a batch that has ended, with its input and its files. */
    async remove({ id, owner }: { id: string; owner: string }): Promise<"removed" | "gone" | "not_ended"> {
      return (await run("remove-batch", [id, owner])) as "removed" | "gone" | "not_ended";
    },
    cancel: ({ id, owner }: { id: string; owner: string }): Promise<StopResult> => stop(id, owner, "cancelled"),
    /** Its time is over. */
    expire: (id: string): Promise<StopResult> => stop(id, "", "expired"),
    /** What dispatchers do with a batch that they hold. All of it is refused, by `lost` or false, when somebody else holds it by now. */
    held: { ...createHeldBatches(run), ...createOpening(redis, keys, run, limits), ...createClosing(redis, keys, run) },
  };
}
export type Batches = ReturnType<typeof createBatches>;
