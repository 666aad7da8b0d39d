import { expect, it } from "vitest";
import { EventClient } from "./event-client.ts";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";

const api = useApi();
const events = (id: string, query = "") => `/v1/jobs/${id}/events${query}`;

it("events of another owner's job or none are answered like the job", async () => {
  const keyed = await api.replica({ fixedKeys: ["a", "b"].map((owner) => ({ owner, key: `${owner}-secret` })) });
  const [a, b] = ["a", "b"].map((owner) => ({ authorization: `Bearer ${owner}-secret` }));
  const { id } = await keyed.submit(undefined, a);
  for (const [path, headers] of [
    [events(id), b],
    [events(`job_${"0".repeat(26)}`), a],
    [events("nonsense"), a],
  ] as const)
    expect(await errorOf(await keyed.request(path, { headers: headers ?? {} }))).toMatchObject({
      status: 404,
      code: "job_not_found",
    });
  const own = new EventClient(await keyed.request(events(id), { headers: a ?? {} }));
  expect(await own.next()).toMatchObject({ id: "0-0-queued" });
  await own.close();
});

it("a position that is none is refused, naming where it stands", async () => {
  const { id } = await api.submit();
  const byHeader = await api.request(events(id), { headers: { "last-event-id": "17" } });
  expect(await errorOf(byHeader)).toMatchObject({ status: 400, code: "invalid_cursor", param: "Last-Event-ID" });
  const byQuery = await api.request(events(id, "?after=1-x-running"));
  expect(await errorOf(byQuery)).toMatchObject({ status: 400, code: "invalid_cursor", param: "after" });
});
