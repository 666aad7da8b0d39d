import fc, { type Arbitrary, type RunDetails } from "fast-check";
import { faultOf } from "./check-answer.ts";
import type { Draft } from "./draft.ts";
import { badRequestKeys, knownValues } from "./known-values.ts";
import { draftOf, randomDraft } from "./make-draft.ts";
import { type Api, type Operation, readDocument } from "./operations.ts";
import { type Known, SchemaValues } from "./schema-value.ts";
import { sendDraft } from "./send-draft.ts";

/** Longest that an answer may take, in milliseconds: waits of a second, a lookup of a name, and a busy machine. */
const LIMIT_MS = 10_000;
const ADMIN = "/v1/admin/";
/** Routes with a body have more to get wrong. */
const BODY_WEIGHT = 4;

export interface BadRequestsOptions {
  /** Of an API process with `badRequestEnv`, in front of which nobody else stands. */
  url: string;
  /** Of the scope `admin`: routes for administrators are asked with it. */
  adminKey: string;
  count: number;
  seed: number;
  /** Called after each answer. */
  onAnswer?: (index: number) => Promise<void>;
}

export interface BadRequestsResult {
  /** Operation → requests that were made for it; `none` are those made for none. */
  sent: Record<string, number>;
  byStatus: Record<string, number>;
  slowestMs: number;
  /** The smallest request that was found to be answered wrongly, with what is wrong; null when there is none. */
  failure: string | null;
}

function drafts({ operations, resolve }: Api, known: Known, adminKey: string): Arbitrary<Draft> {
  const values = new SchemaValues(resolve, known);
  return fc.oneof(
    ...operations.map((operation) => ({
      weight: operation.body === null ? 1 : BODY_WEIGHT,
      arbitrary: draftOf(operation, values, operation.path.startsWith(ADMIN) ? [adminKey] : badRequestKeys),
    })),
    { weight: 1, arbitrary: randomDraft },
  );
}

/** Most that is told of a request or an answer, in characters. */
const SHOWN_CHARS = 1_500;

function shown({ counterexample, counterexamplePath, errorInstance }: RunDetails<[Draft]>): string {
  const [draft] = counterexample ?? [];
  const request = JSON.stringify({ ...draft, body: draft?.body?.toString() }).slice(0, SHOWN_CHARS);
  return `${String(errorInstance).slice(0, SHOWN_CHARS)}\n${request}\n(path ${counterexamplePath})`;
}

/**
 * Sends requests that break the API's own OpenAPI document in one or several ways, some that keep it, and some that have nothing
 * to do with it, one after the other.
 */
export async function sendBadRequests({ url, adminKey, count, seed, onAnswer }: BadRequestsOptions): Promise<BadRequestsResult> {
  const api = readDocument(await (await fetch(`${url}/openapi.json`)).json());
  const operations = new Map<string, Operation>(api.operations.map((operation) => [operation.id, operation]));
  const result: BadRequestsResult = {
    sent: Object.fromEntries([...operations.keys(), "none"].map((id) => [id, 0])),
    byStatus: {},
    slowestMs: 0,
    failure: null,
  };
  let answered = 0;
  const isAnsweredWell = fc.asyncProperty(drafts(api, await knownValues(url), adminKey), async (draft) => {
    const answer = await sendDraft(new URL(url), draft, LIMIT_MS);
    const { status, tookMs } = answer;
    result.sent[draft.operationId] = (result.sent[draft.operationId] ?? 0) + 1;
    result.byStatus[status] = (result.byStatus[status] ?? 0) + 1;
    result.slowestMs = Math.max(result.slowestMs, tookMs);
    await onAnswer?.(answered++);
    const fault = faultOf(draft, operations.get(draft.operationId) ?? null, answer);
    if (fault !== null) throw new Error(`the answer ${fault}: ${answer.text}`);
  });
  const details = await fc.check(isAnsweredWell, { seed, numRuns: count });
  if (details.failed) result.failure = shown(details);
  return result;
}
