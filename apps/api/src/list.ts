import { AppError, type IdKind, isId } from "@llamero/core";
import { z } from "zod";

/** A page of a list, in the form that OpenAI's clients go through by themselves. */
export function listSchemaOf<Item extends z.ZodType>(item: Item, id: string) {
  return z
    .object({
      object: z.literal("list"),
      data: z.array(item),
      has_more: z.boolean(),
      first_id: z.string().nullable(),
      last_id: z.string().nullable(),
    })
    .meta({ id });
}

export function listOf<Item extends { id: string }>(data: readonly Item[], hasMore: boolean) {
  return { object: "list", data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

/** @throws AppError `invalid_cursor` for an `after` that is no id of such a thing */
export function requireCursor(kind: IdKind, after: string | undefined): void {
  if (after !== undefined && !isId(kind, after))
    throw new AppError("invalid_cursor", "after must be the last_id of an earlier page.", { param: "after" });
}
