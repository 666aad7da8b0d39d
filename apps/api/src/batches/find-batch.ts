import { AppError, isId, shorten } from "@llamero/core";
import type { StoredBatch } from "@llamero/store";
import type { Services } from "../route.ts";

export function batchNotFound(id: string, param = "id"): AppError {
  return new AppError("batch_not_found", `There is no batch ${shorten(id)}.`, { param });
}

/** A batch of an owner. @throws AppError `batch_not_found` */
export async function findBatch(
  { store }: Pick<Services, "store">,
  { id, owner }: { id: string; owner: string },
): Promise<StoredBatch> {
  const batch = isId("batch", id) ? await store.batches.get({ id, owner }) : null;
  if (batch === null) throw batchNotFound(id);
  return batch;
}
