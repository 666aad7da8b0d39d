import { describe, expect, it } from "vitest";
import type { ScheduleView } from "../src/schedules/schema.ts";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";

// A millisecond each time that somebody looks: ids sort by it.
let elapsedMs = 0;
const api = useApi({ now: () => Date.UTC(2026, 2, 27, 12) + elapsedMs++ });
const nightly = { cron: "0 2 * * *", timezone: "Europe/Lisbon", job: { prompt: "a" } };

async function create(body: object, headers = {}): Promise<ScheduleView> {
  const answer = await api.post("/v1/schedules", body, headers);
  expect(answer.status, await answer.clone().text()).toBe(201);
  return (await answer.json()) as ScheduleView;
}

const refused = async (body: object, headers = {}) => errorOf(await api.post("/v1/schedules", body, headers));
const read = async (id: string) => (await (await api.request(`/v1/schedules/${id}`)).json()) as ScheduleView;

describe("a schedule", () => {
  it("says when it falls due, by the clocks of its time zone", async () => {
    const schedule = await create({ ...nightly, name: "nightly" });
    expect(schedule).toMatchObject({
      ...{ object: "schedule", name: "nightly", overlap: "skip", paused: false, runs: "job", run_count: 0, last_run: null },
      // Summer time begins on the 29th.
      next_runs: [
        "2026-03-28T02:00:00.000Z",
        expect.stringMatching(/^2026-03-29T0[12]:00/),
        "2026-03-30T01:00:00.000Z",
        "2026-03-31T01:00:00.000Z",
        "2026-04-01T01:00:00.000Z",
      ],
    });
    expect(await read(schedule.id)).toEqual(schedule);
  });

  it("is paused, resumed, listed and deleted", async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await create({ ...nightly, paused: i === 0 })).id);
    const page = (await (await api.request("/v1/schedules?limit=2")).json()) as { data: ScheduleView[]; has_more: boolean };
    expect([page.data.map(({ id }) => id), page.has_more]).toEqual([[ids[2], ids[1]], true]);
    const [id = ""] = ids;
    expect((await read(id)).next_runs).toEqual([]);
    expect(await (await api.post(`/v1/schedules/${id}/resume`)).json()).toMatchObject({ paused: false });
    expect(await (await api.post(`/v1/schedules/${id}/pause`)).json()).toMatchObject({ paused: true, next_runs: [] });
    expect((await api.request(`/v1/schedules/${id}`, { method: "DELETE" })).status).toBe(200);
    expect((await api.request(`/v1/schedules/${id}`)).status).toBe(404);
  });

  it("is the same one for the same Idempotency-Key", async () => {
    const headers = { "idempotency-key": "k" };
    const first = await create(nightly, headers);
    expect(await create(nightly, headers)).toEqual(first);
    expect(await refused({ ...nightly, cron: "0 3 * * *" }, headers)).toMatchObject({
      status: 409,
      code: "idempotency_conflict",
    });
  });

  it.each([
    [{ cron: "every night" }, "cron"],
    [{ cron: "61 * * * *" }, "cron"],
    [{ cron: "" }, "cron"],
    [{ timezone: "Mars/Olympus" }, "timezone"],
    [{ overlap: "queue" }, "overlap"],
    [{ job: undefined }, "job"],
    [{ job: { prompt: "a" }, batch: { input_file_id: "f", endpoint: "/v1/embeddings", completion_window: "1h" } }, "job"],
    [{ job: { prompt: "a", run_at: "2027-01-01T00:00:00Z" } }, "job.run_at"],
    [{ job: { prompt: "a", params: { temperature: 9 } } }, "job.params.temperature"],
    [{ job: { prompt: "x".repeat(20_000) } }, "prompt"],
    [{ job: { prompt: "a", model: "none" } }, "model"],
    [
      { job: undefined, batch: { input_file_id: `file_${"0".repeat(26)}`, endpoint: "/v1/embeddings", completion_window: "1h" } },
      "batch.input_file_id",
    ],
  ])("with %j is refused by name", async (over, param) => {
    expect((await refused({ ...nightly, ...over })).param).toBe(param);
    expect(await (await api.request("/v1/schedules")).json()).toMatchObject({ data: [] });
  });
});
