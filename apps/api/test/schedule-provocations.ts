import type { Harness } from "./harness.ts";
import type { Provocations, Request } from "./provocations.ts";

/** Requests that make each status of the routes of schedules come about. */
export function scheduleProvocations(
  api: Harness,
  withBody: (path: string, body?: object, headers?: Record<string, string>) => Request,
): Provocations {
  const wanted = (over: object = {}, headers = {}) =>
    withBody("/v1/schedules", { cron: "0 2 * * *", job: { prompt: "a" }, ...over }, headers);
  async function made(): Promise<string> {
    const request = wanted();
    return `/v1/schedules/${((await (await api.request(request.path, request)).json()) as { id: string }).id}`;
  }
  const none = `/v1/schedules/sched_${"0".repeat(26)}`;
  const on = (rest: string, method = "POST") => ({
    200: async () => ({ method, path: (await made()) + rest }),
    404: () => ({ method, path: none + rest }),
  });
  const { 200: run, ...others } = on("/run");
  return {
    createSchedule: {
      201: () => wanted(),
      404: () => wanted({ job: { prompt: "a", model: "none" } }),
      409: async () => {
        const first = wanted({}, { "idempotency-key": "k" });
        await api.request(first.path, first);
        return wanted({ name: "other" }, { "idempotency-key": "k" });
      },
      413: () => wanted({}, { "content-length": "20000000" }),
      415: () => wanted({}, { "content-type": "text/plain" }),
    },
    listSchedules: {
      200: async () => {
        await made();
        return { method: "GET", path: "/v1/schedules" };
      },
    },
    getSchedule: on("", "GET"),
    pauseSchedule: on("/pause"),
    resumeSchedule: on("/resume"),
    runSchedule: { 202: run, ...others },
    deleteSchedule: on("", "DELETE"),
  };
}
