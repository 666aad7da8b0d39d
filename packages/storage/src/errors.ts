import { AppError } from "@llamero/core";

/** Messages say nothing of where the storage is: they go to callers. The cause goes to the log. */
export const missing = (cause: unknown) =>
  new AppError("storage_object_missing", "The content of this file is gone from the storage.", { cause });
export const full = (cause: unknown) =>
  new AppError("storage_full", "The file storage is full. Delete files that are not needed, or ask its operator for room.", {
    cause,
  });
export const unavailable = (cause: unknown) =>
  new AppError("storage_unavailable", "The file storage does not answer; try again in a moment.", { cause });
