import { readFileSync } from "node:fs";

const manual = new URL("../../../docs/operations.md", import.meta.url);

/** The rights that the documentation gives a user of Redis whose password is `password`, as arguments of ACL SETUSER. */
export function documentedRights(): string[] {
  const [, rights] = /ACL SETUSER llamero (.+)/.exec(readFileSync(manual, "utf8")) ?? [];
  if (rights === undefined) throw new Error("docs/operations.md has no ACL SETUSER");
  return rights.split(" ").map((right) => right.replaceAll("'", ""));
}
