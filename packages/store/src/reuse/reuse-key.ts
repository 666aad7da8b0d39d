import { hash } from "node:crypto";
import type { ModelEntry } from "@llamero/core";

const MARK_CHARS = 16;

const digest = (value: unknown) => hash("sha256", typeof value === "string" ? value : JSON.stringify(value), "base64url");

/** What tells models apart by whose answers may differ: another file, another adapter, another context length. 16 characters. */
export function modelMark({ digest: file, context_length }: Pick<ModelEntry, "digest" | "context_length">): string {
  return digest(`${file} ${context_length}`).slice(0, MARK_CHARS);
}

/**
 * What the answer to a request is kept under: the mark of the model, and a hash of whose it is and what it asks for. Short enough for the
 * compact form of a record in Redis; lua/twins.lua and lua/finish.lua know that it has no colon, and a point behind the mark.
 * @param form as `reusableForm` gives it
 */
export function requestKey(mark: string, owner: string, form: object): string {
  return `${mark}.${digest([owner, form])}`;
}

/** What the vector of a text is kept under. */
export function inputKey(mark: string, owner: string, text: string): string {
  return `${mark}.${digest([owner, "input", text])}`;
}
