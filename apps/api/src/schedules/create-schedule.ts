import { AppError, startTime, textField, toJobRequest } from "@llamero/core";
import type { ScheduleWork } from "@llamero/openai";
import { nextRuns } from "@llamero/queue";
import { admitRouted, type StoredSchedule } from "@llamero/store";
import { findFile } from "../files/find-file.ts";
import { idempotencyConflict, idempotencyOf } from "../idempotency.ts";
import type { Call, Services } from "../route.ts";
import { findSchedule } from "./find-schedule.ts";
import type { CreateSchedule } from "./schema.ts";

const MOST_SCHEDULES = 1_000;
/** A seed for the trial: which one it is changes nothing of what is taken. */
const ANY_SEED = 0;

/** What is to run, checked as it would be if it ran now. @throws AppError as for a job or a batch */
async function workOf(
  { job, batch }: CreateSchedule,
  at: { id: string; owner: string },
  services: Services,
): Promise<ScheduleWork> {
  const { id, owner } = at;
  if (batch !== undefined) {
    const file = await findFile(services, { id: batch.input_file_id, owner, param: "batch.input_file_id" });
    if (file.purpose !== "batch") {
      const text = `File ${file.id} has the purpose ${file.purpose}; a batch takes one of purpose batch.`;
      throw new AppError("invalid_request", text, { param: "batch.input_file_id" });
    }
    return {
      ...{ v: 1, kind: "batch", endpoint: batch.endpoint, inputFileId: file.id, windowSeconds: batch.completion_window },
      ...{ metadata: batch.metadata ?? {}, outputExpiresSeconds: batch.output_expires_after?.seconds ?? null },
    };
  }
  const { webhook, ...body } = job ?? {};
  admitRouted(await services.models.route(body.model, { jobId: id, owner }), toJobRequest(body, ANY_SEED), textField(body));
  startTime(body, services.now());
  return { v: 1, kind: "job", body, webhook: webhook === undefined ? null : await services.webhookTargets.ofJob(webhook) };
}

/**
 * Makes a schedule, or finds the one that the same call made before.
 * @throws AppError as for a job or a batch; `invalid_request` for a cron expression or a time zone that is none;
 * `too_many_schedules`, `idempotency_conflict`
 */
export async function createSchedule(
  { owner, key, headers }: Pick<Call<unknown, unknown, unknown>, "owner" | "key" | "headers">,
  services: Services,
  body: CreateSchedule,
): Promise<StoredSchedule> {
  const { cron, timezone, overlap, name, paused } = body;
  services.memory.requireRoom();
  if (nextRuns({ cron, timezone }, services.now(), 1).length === 0)
    throw new AppError("invalid_request", "cron: never falls due.", { param: "cron" });
  const id = services.newScheduleId();
  const work = await workOf(body, { id, owner }, services);
  const idempotency = idempotencyOf(headers, body);
  const created = await services.store.schedules.create({
    ...{ id, owner, keyId: key?.id ?? null, cron, timezone, overlap, name: name ?? null, isPaused: paused },
    ...{ work: JSON.stringify(work), limit: MOST_SCHEDULES },
    idempotency,
  });
  if (created.outcome === "conflict") throw idempotencyConflict(`schedule ${created.id}`);
  if (created.outcome === "too_many")
    throw new AppError("too_many_schedules", `There are ${MOST_SCHEDULES} schedules already; delete one that is not needed.`);
  const made = await findSchedule(services, { id: created.outcome === "duplicate" ? created.id : id, owner });
  // A schedule whose timer could not be started is found by the dispatchers.
  if (!made.isPaused) await services.timers.start(made.id, made);
  return made;
}
