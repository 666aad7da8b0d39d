import { createHash } from "node:crypto";
import type { GenerateRequest, JobRequest } from "@llamero/core";

/** Prompts are known by so many characters of their beginning; shorter ones are read again quickly, wherever they run. */
const BEGINNING_CHARS = 1_024;
/** Of the digest, in characters of base64: 96 bits. */
const DIGEST_CHARS = 16;

/** What two jobs that begin alike have in common: turns of one session, or prompts with a long common beginning. */
export type Affinity = string;

const digest = (parts: readonly string[]) =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, DIGEST_CHARS);

/** The first characters of what the model reads, but for what a template adds; null where there are fewer. */
function beginningOf(request: GenerateRequest): string | null {
  let text = "";
  const add = (more: string) => {
    text += more.slice(0, BEGINNING_CHARS - text.length);
    return text.length === BEGINNING_CHARS;
  };
  if (request.type === "completion") return add(request.prompt) ? text : null;
  const { tools } = request.params;
  if (tools !== undefined && add(JSON.stringify(tools))) return text;
  return request.messages.some(({ role, content }) => add(`${role}\n${content ?? ""}\n`)) ? text : null;
}

/**
 * The affinity of a job, as its record has it: a letter for its kind, which lua/affinity.lua reads, and a digest. Null where it makes no
 * difference which worker runs it.
 * @param job.scope within which a session's id names one session
 */
export function affinityOf({ scope, slug, request }: { scope: string; slug: string; request: JobRequest }): Affinity | null {
  if (request.type !== "chat" && request.type !== "completion") return null;
  if (request.session_id !== undefined) return `s${digest([scope, slug, request.session_id])}`;
  const beginning = beginningOf(request);
  return beginning === null ? null : `b${digest([slug, request.type, beginning])}`;
}

/** The session of an affinity; null where it is of a beginning. */
export function sessionOf(affinity: Affinity | null): string | null {
  return affinity?.startsWith("s") ? affinity : null;
}
