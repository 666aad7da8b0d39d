import { told } from "./check-job.ts";
import { ENDPOINT, OWN, type Receivers } from "./receivers.ts";
import type { StoredJob } from "./stored-jobs.ts";

const ENDS = ["job.succeeded", "job.failed", "job.cancelled", "job.expired"];

/** Whether both receivers have heard of a job's end, of that one only, each under one id. */
export function isDelivered(receivers: Receivers, { job }: StoredJob): boolean {
  return [OWN, ENDPOINT].every((path) => {
    const heard = receivers.of(path, job.id, ENDS);
    const [event, { ids } = { ids: new Set() }] = heard[0] ?? [];
    return heard.length === 1 && event === `job.${job.status}` && ids.size === 1;
  });
}

/** Whether webhooks have told of a job what is stored of it. */
export function isToldAlike(receivers: Receivers, { job }: StoredJob): boolean {
  return receivers.of(OWN, job.id, ENDS).every(([, { jobs }]) => jobs.every((each) => told(each) === told(job)));
}
