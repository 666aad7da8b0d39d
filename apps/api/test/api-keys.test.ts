import type { ApiKey, Job } from "@llamero/core";
import { describe, expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { useApi } from "./harness.ts";

let now = 0;
/** Not on loopback: nobody needs no key. What is remembered of keys is forgotten by the next call. */
const api = useApi({ isLoopback: false, now: () => (now += 10_000) });

type Shown = ApiKey & { key: string };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function keyWith(...scopes: ApiKey["scopes"]): Promise<Record<string, string>> {
  const { key } = await api.store.apiKeys.create({ by: "test", owner: "ops", name: "", nowMs: 1, scopes });
  return bearer(key);
}

async function make(body: object, headers: Record<string, string>): Promise<Shown> {
  const response = await api.post("/v1/admin/keys", body, headers);
  expect(response.status).toBe(201);
  return (await response.json()) as Shown;
}

describe("keys over the API", () => {
  it("are made, work as what they are, and are listed without their secrets", async () => {
    const admin = await keyWith("admin");
    const made = await make({ owner: "alice", name: "laptop", expires_in_seconds: 3_600 }, admin);
    expect(made).toMatchObject({ owner: "alice", name: "laptop", scopes: ["submit", "read"], revoked_at: null });
    expect(Date.parse(made.expires_at ?? "") - Date.parse(made.created_at)).toBe(3_600_000);
    const job = await api.submit({ prompt: "a" }, bearer(made.key));
    expect((await api.job(job.id, "", bearer(made.key))).id).toBe(job.id);
    const listed = await (await api.request("/v1/admin/keys", { headers: admin })).text();
    expect(listed).toContain(made.id);
    expect(listed).not.toContain(made.key);
    expect(listed).not.toContain("hash");
  });

  it("are rotated, with both secrets good for a while, and revoked", async () => {
    const admin = await keyWith("admin");
    const made = await make({ owner: "alice" }, admin);
    const status = async (key: string) => (await api.request("/v1/jobs", { headers: bearer(key) })).status;
    const rotate = async (seconds: number) => {
      const body = { previous_valid_seconds: seconds };
      return (await (await api.post(`/v1/admin/keys/${made.id}/rotate`, body, admin)).json()) as Shown;
    };
    const second = await rotate(60);
    expect([await status(made.key), await status(second.key)]).toEqual([200, 200]);
    const third = await rotate(0);
    expect([await status(made.key), await status(second.key), await status(third.key)]).toEqual([401, 401, 200]);
    const revoked = (await (await api.post(`/v1/admin/keys/${made.id}/revoke`, undefined, admin)).json()) as ApiKey;
    expect(revoked.revoked_at).not.toBeNull();
    expect(await status(third.key)).toBe(401);
    expect(await errorOf(await api.post(`/v1/admin/keys/${made.id}/rotate`, {}, admin))).toMatchObject({
      status: 409,
      code: "key_revoked",
    });
  });

  it("that there are none of are 404, and bad bodies say what is wrong", async () => {
    const admin = await keyWith("admin");
    for (const id of ["000000000000", "constructor", "x".repeat(5_000)])
      expect(await errorOf(await api.post(`/v1/admin/keys/${id}/revoke`, undefined, admin))).toMatchObject({
        status: 404,
        code: "key_not_found",
      });
    for (const [body, param] of [
      [{ owner: "a b" }, "owner"],
      [{ owner: "a", scopes: [] }, "scopes"],
      [{ owner: "a", scopes: ["root"] }, "scopes.0"],
      [{ owner: "a", expires_in_seconds: 0 }, "expires_in_seconds"],
    ] as const)
      expect(await errorOf(await api.post("/v1/admin/keys", body, admin))).toMatchObject({ status: 400, param });
  });
});

describe("scopes", () => {
  it.each<[ApiKey["scopes"], number[]]>([
    [["read"], [200, 403, 403]],
    [["submit"], [403, 202, 403]],
    [["read_all"], [200, 403, 403]],
    [
      ["submit", "read"],
      [200, 202, 403],
    ],
    [["admin"], [200, 202, 200]],
  ])("%j: may list, submit and list keys as %j say", async (scopes, statuses) => {
    const headers = await keyWith(...scopes);
    const answers = [
      await api.request("/v1/jobs", { headers }),
      await api.post("/v1/jobs", { prompt: "a" }, headers),
      await api.request("/v1/admin/keys", { headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(statuses);
    for (const answer of answers)
      if (answer.status === 403)
        expect(await errorOf(answer)).toMatchObject({
          code: "insufficient_scope",
          message: expect.stringContaining("needs a key of the scope"),
        });
  });

  it("read_all reads what another owner has, when it names him, and changes nothing of it", async () => {
    const alice = bearer((await api.store.apiKeys.create({ by: "test", owner: "alice", name: "", nowMs: 1 })).key);
    const job = await api.submit({ prompt: "a" }, alice);
    const all = await keyWith("read_all", "submit");
    expect((await api.job(job.id, "?owner=alice", all)).id).toBe(job.id);
    const listed = (await (await api.request("/v1/jobs?owner=alice&status=queued", { headers: all })).json()) as { data: Job[] };
    expect(listed.data.map(({ id }) => id)).toEqual([job.id]);
    expect(await errorOf(await api.request(`/v1/jobs/${job.id}`, { headers: all }))).toMatchObject({ status: 404 });
    for (const path of [`/v1/jobs/${job.id}/cancel`, `/v1/jobs/${job.id}/cancel?owner=alice`])
      expect([400, 404]).toContain((await api.post(path, undefined, all)).status);
    expect((await api.job(job.id, "", alice)).status).toBe("queued");
  });

  it("without read_all another owner cannot be named, nor what is no owner", async () => {
    const headers = await keyWith("read", "submit");
    expect(await errorOf(await api.request("/v1/jobs?owner=alice", { headers }))).toMatchObject({
      status: 403,
      code: "insufficient_scope",
      param: "owner",
    });
    expect((await api.request("/v1/jobs?owner=ops", { headers })).status).toBe(200);
    expect(await errorOf(await api.request("/v1/jobs?owner=a%20b", { headers }))).toMatchObject({ status: 400, param: "owner" });
  });
});
