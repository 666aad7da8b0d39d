import type { Job } from "@llamero/core";
import { jobIdOf, type ResponseDoor, responseDoorSchema, responseNotFound } from "@llamero/openai";
import { isJobId } from "../../params.ts";
import type { Services } from "../../route.ts";

/** A response of an owner: its job, and what it shows of its request. @throws AppError `response_not_found` */
export async function findResponse(
  { store }: Pick<Services, "store">,
  { id, owner }: { id: string; owner: string },
): Promise<{ job: Job; door: ResponseDoor }> {
  const jobId = jobIdOf(id);
  if (!isJobId(jobId)) throw responseNotFound(id);
  const [job, text] = await Promise.all([store.getJob({ id: jobId, owner }), store.getDoor(jobId)]);
  const door = text === null ? null : responseDoorSchema.safeParse(JSON.parse(text)).data;
  if (job === null || !door) throw responseNotFound(id);
  return { job, door };
}
