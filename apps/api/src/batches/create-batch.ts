import { AppError } from "@llamero/core";
import type { CreatedBatch, NewBatch, StoredBatch } from "@llamero/store";
import { idempotencyConflict, idempotencyOf } from "../idempotency.ts";
import type { Call, Services } from "../route.ts";
import { batchNotFound, findBatch } from "./find-batch.ts";

export type WantedBatch = Omit<NewBatch, "id" | "owner" | "keyId" | "idempotency">;

/**
 * Makes a batch, or finds the one that the same call made before.
 * @param asked what the call asks for, as JSON has it. Default: what is wanted
 * @throws AppError `file_not_found`, `batch_not_found`, `batch_not_ended`, `idempotency_conflict`, `invalid_request`
 */
export async function createBatch(
  { owner, key, headers }: Pick<Call<unknown, unknown, unknown>, "owner" | "key" | "headers">,
  services: Services,
  wanted: WantedBatch,
  asked: unknown = wanted,
): Promise<StoredBatch> {
  services.memory.requireRoom();
  const id = services.newBatchId();
  const created = await services.store.batches.create({
    ...wanted,
    id,
    owner,
    keyId: key?.id ?? null,
    idempotency: idempotencyOf(headers, asked),
  });
  if (created.outcome === "created") return findBatch(services, { id, owner });
  if (created.outcome === "duplicate") return findBatch(services, { id: created.id, owner });
  throw refusal(created, wanted);
}

type Refused = Exclude<CreatedBatch, { outcome: "created" | "duplicate" }>;

function refusal(
  refused: Refused | { outcome: "conflict" | "duplicate"; id: string },
  { inputFileId, reuse }: WantedBatch,
): AppError {
  const invalid = (message: string, param: string) => new AppError("invalid_request", message, { param });
  switch (refused.outcome) {
    case "no_file":
      return new AppError("file_not_found", `There is no file ${inputFileId}.`, { param: "input_file_id" });
    case "wrong_purpose":
      return invalid(
        `File ${inputFileId} has the purpose ${refused.purpose}; a batch takes one of purpose batch.`,
        "input_file_id",
      );
    case "no_batch":
      return batchNotFound(reuse ?? "", "reuse_batch_id");
    case "not_ended":
      return new AppError("batch_not_ended", `Batch ${reuse} has not ended; cancel it, or wait for its end.`);
    case "other_content":
      return invalid(`Batch ${reuse} was over another content, or for another endpoint.`, "reuse_batch_id");
    case "content_gone":
      return invalid(`The output file of batch ${reuse} has been deleted.`, "reuse_batch_id");
    default:
      return idempotencyConflict(`batch ${refused.id}`);
  }
}
