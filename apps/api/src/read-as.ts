import { AppError, allows, ownerSchema } from "@llamero/core";
import type { Caller } from "./auth.ts";
import { isReadOfOwner, type Route } from "./route.ts";

type Query = Record<string, unknown>;

/**
 * Whose things a caller reads: his own, or those of the owner that he asks for, where he may read all.
 * @throws AppError `insufficient_scope`, `invalid_request`
 */
export function ownerToRead({ owner, scopes }: Caller, asked: unknown): string {
  if (asked === undefined) return owner;
  const parsed = ownerSchema.safeParse(asked);
  if (!parsed.success)
    throw new AppError("invalid_request", "owner: must be one owner: 1 to 64 letters, digits, _ or -.", { param: "owner" });
  if (parsed.data !== owner && !allows(scopes, "read_all"))
    throw new AppError("insufficient_scope", "To read what is another owner's needs a key of the scope read_all.", {
      param: "owner",
    });
  return parsed.data;
}

/**
 * Whose things a request is about, by the `owner` in its query where its route takes one.
 * @returns the rest of the query too
 * @throws AppError as `ownerToRead`
 */
export function readAs(caller: Caller, route: Route, query: Query): { owner: string; query: Query } {
  if (!isReadOfOwner(route)) return { owner: caller.owner, query };
  const { owner: asked, ...rest } = query;
  return { owner: ownerToRead(caller, asked), query: rest };
}
