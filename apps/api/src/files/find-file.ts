import { AppError, isId, shorten } from "@llamero/core";
import type { StoredFile } from "@llamero/store";
import type { Services } from "../route.ts";

/** A file of an owner. @throws AppError `file_not_found` */
export async function findFile(
  { store }: Pick<Services, "store">,
  { id, owner, param = "id" }: { id: string; owner: string; param?: string },
): Promise<StoredFile> {
  const file = isId("file", id) ? await store.files.get({ id, owner }) : null;
  if (file === null) throw new AppError("file_not_found", `There is no file ${shorten(id)}.`, { param });
  return file;
}
