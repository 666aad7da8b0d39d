import { AppError, allows, ownerSchema } from "@llamero/core";
import type { Caller } from "./auth.ts";
import { isReadOfOwner, type Route } from "./route.ts";

type Query = Record<string, unknown>;

/**
 * Whose things a request is about: the caller's, or those of the `owner` in its query, for callers who may read all.
 * @returns the rest of the query too
 * @throws AppError `insufficient_scope`, `invalid_request`
 */
export function readAs({ owner, scopes }: Caller, route: Route, query: Query): { owner: string; query: Query } {
  if (!isReadOfOwner(route) || query["owner"] === undefined) return { owner, query };
  const { owner: asked, ...rest } = query;
  const parsed = ownerSchema.safeParse(asked);
  if (!parsed.success)
    throw new AppError("invalid_request", "owner: must be one owner: 1 to 64 letters, digits, _ or -.", { param: "owner" });
  if (parsed.data !== owner && !allows(scopes, "read_all"))
    throw new AppError("insufficient_scope", "To read what is another owner's needs a key of the scope read_all.", {
      param: "owner",
    });
  return { owner: parsed.data, query: rest };
}
