import { batchIdOf, MESSAGES_PATH } from "@llamero/anthropic";
import { AppError, isId, shorten } from "@llamero/core";
import type { StoredBatch } from "@llamero/store";
import type { Services } from "../route.ts";

/** A message batch of an owner. @throws AppError `batch_not_found` */
export async function findMessageBatch(
  { store }: Pick<Services, "store">,
  { id, owner }: { id: string; owner: string },
): Promise<StoredBatch> {
  const batchId = batchIdOf(id);
  const batch = isId("batch", batchId) ? await store.batches.get({ id: batchId, owner }) : null;
  if (batch === null || batch.endpoint !== MESSAGES_PATH)
    throw new AppError("batch_not_found", `There is no message batch ${shorten(id)}.`, { param: "id" });
  return batch;
}
