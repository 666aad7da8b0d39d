import { randomInt } from "node:crypto";
import { AppError, type ModelEntry, type SubmitBody, startTime, textField, toJobRequest } from "@llamero/core";
import { admitRouted } from "@llamero/store";
import { type Enqueued, enqueue } from "./enqueue.ts";
import { type HeaderReader, idempotencyOf } from "./idempotency.ts";
import type { Call, Services } from "./route.ts";

const SEEDS = 2 ** 32;

/** With `false` the job is computed, and its answer is for nobody else: `reuse: false` for clients of other APIs. */
export const REUSE_HEADER = "x-llamero-reuse";

/** What a call says of reuse; undefined: nothing. @throws AppError `invalid_request` */
function askedReuse({ headers }: Submitter, { reuse }: SubmitBody): boolean | undefined {
  const header = headers.get(REUSE_HEADER);
  if (header === null || reuse !== undefined) return reuse;
  if (header !== "true" && header !== "false")
    throw new AppError("invalid_request", `${REUSE_HEADER} is true or false.`, { param: REUSE_HEADER });
  return header === "true";
}

/** Who submits, and under which key the same call is the same job. */
export type Submitter = Pick<Call<unknown, unknown, unknown>, "owner" | "key"> & { headers: HeaderReader };

export interface AcceptOptions {
  /** Which of the jobs of one call it is. Default: the only one. */
  part?: string;
  /** What is kept of the call that the job came by, as JSON. Default: nothing. */
  door?: string | null;
  /** What the call asks of its model beyond what jobs do; throws where that one cannot. Default: nothing. */
  check?: (model: ModelEntry) => void;
}

/**
 * Stores the job of a body, or finds the one that the same call made before.
 * @throws AppError as `toJobRequest`, `admit` and `enqueue`, and `model_not_found`, `no_models`, `refused_by_hook`, `hook_failed`
 */
export async function acceptJob(
  call: Submitter,
  services: Services,
  body: SubmitBody,
  { part = "", door = null, check }: AcceptOptions = {},
): Promise<Enqueued> {
  const { owner, key, headers } = call;
  const { store, models, webhookTargets, hooks, now } = services;
  const id = services.newJobId();
  const routed = await models.route(body.model, { jobId: id, owner });
  const { model } = routed;
  const request = await hooks.beforeAccept({ owner, model: model.name, request: toJobRequest(body, randomInt(SEEDS)) });
  const route = admitRouted(routed, request, textField(body));
  check?.(model);
  const idempotency = idempotencyOf(headers, body, part);
  const webhook = body.webhook === undefined ? null : await webhookTargets.ofJob(body.webhook);
  const isSeedGiven = body.params?.seed !== undefined;
  const reuse = await store.reuse.ask({ owner, model, request, isSeedGiven, asked: askedReuse(call, body) });
  return enqueue(services, {
    model: model.name,
    job: {
      id,
      owner,
      slug: model.slug,
      request,
      ...startTime(body, now()),
      deadlineMs: body.deadline_ms ?? null,
      idempotency,
      metadata: body.metadata ?? null,
      retryOf: null,
      priority: body.priority ?? "normal",
      supersedeKey: body.supersede_key ?? null,
      key,
      reuse,
      door,
      route,
      webhook,
    },
  });
}
