import { describe, expect, it } from "vitest";
import { routes } from "../src/routes/index.ts";
import { errorOf } from "./expect-error.ts";
import { jsonType, useApi } from "./harness.ts";

const api = useApi();
const anId = `job_${"0".repeat(26)}`;
const all = routes.map(
  ({ method, path, dialect = "openai" }) => [method.toUpperCase(), path.replace("{id}", anId), dialect] as const,
);

describe.each(all)("%s %s", (method, path, dialect) => {
  // Anthropic's form has a type and a message alone.
  const isPlain = dialect === "anthropic";
  const ask = (query: string) =>
    api.request(`${path}?${query}`, {
      method,
      ...(path === "/v1/jobs" && method === "POST" ? { headers: jsonType, body: '{"prompt":"a"}' } : {}),
    });

  it.each([
    "foo=1",
    "wiat=5",
    "__proto__=1",
    "constructor=1",
    "prototype=1",
    "limit[]=1",
    "%00=1",
    "metadata=a",
    "=1",
    "q".repeat(8_000),
  ])("names the unknown query parameter %j", async (query) => {
    const error = await errorOf(await ask(query));
    expect(error.status).toBe(400);
    if (isPlain) return expect(error.code).toBe("invalid_request_error");
    expect(["unknown_parameter", "invalid_request"]).toContain(error.code);
    expect(error.param).not.toBeNull();
  });

  it.each(["a=%", "a=%zz", "a=%ff", "%c3%28=1", "a=%ed%a0%80"])("refuses the query %j", async (query) => {
    expect((await errorOf(await ask(query))).status).toBe(400);
  });

  it("refuses a parameter that is given twice", async () => {
    const error = await errorOf(await ask("wait=1&wait=2"));
    expect(error).toMatchObject({ status: 400, message: "wait is given twice." });
    if (!isPlain) expect(error).toMatchObject({ code: "invalid_request", param: "wait" });
  });

  it("refuses other methods and says which it takes", async () => {
    for (const other of ["PATCH", "PUT", "OPTIONS", "TRACE", "PROPFIND", "BREW", "DELETE", "POST"]) {
      const taken = routes
        .filter((route) => route.path.replace("{id}", anId) === path)
        .map((route) => route.method.toUpperCase());
      // `/v1/jobs/retry` is also what the route of one job takes for an id.
      const takes = (route: (typeof routes)[number]) =>
        route.method.toUpperCase() === other && new RegExp(`^${route.path.replace("{id}", "[^/]+")}$`).test(path);
      if (routes.some(takes) || other === "TRACE") continue;
      const error = await errorOf(await api.request(path, { method: other }));
      expect(error).toMatchObject({ status: 405, code: "method_not_allowed" });
      expect(error.headers.get("allow")).toBe(taken.flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name])).join(", "));
    }
  });
});

describe("query values", () => {
  it.each([
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=1.5",
    "limit=1e1",
    "limit=",
    "limit=NaN",
    "limit=99999999999999999999",
    "limit=0x10",
    "limit=+5",
    "limit=%2010",
    "status=done",
    "status=",
    "status=constructor",
    "order=up",
    "model=",
    "model=gpt-9",
    "metadata.=x",
    "metadata.__proto__=x",
    "metadata[__proto__]=x",
    `metadata.${"k".repeat(65)}=x`,
    `metadata.k=${"v".repeat(513)}`,
  ])("GET /v1/jobs?%s is refused", async (query) => {
    const error = await errorOf(await api.request(`/v1/jobs?${query}`));
    expect(error.status).toBe(query === "model=gpt-9" ? 404 : 400);
    expect(error.param).not.toBeNull();
  });

  it("refuses more metadata filters than a job has metadata", async () => {
    const query = Array.from({ length: 17 }, (_, index) => `metadata.k${index}=v`).join("&");
    expect((await errorOf(await api.request(`/v1/jobs?${query}`))).status).toBe(400);
  });

  it.each(["wait=-1", "wait=61", "wait=x", "wait=", "wait=1.5", "wait=1e9"])("GET /v1/jobs/{id}?%s is refused", async (query) => {
    const { id } = await api.submit();
    expect(await errorOf(await api.request(`/v1/jobs/${id}?${query}`))).toMatchObject({ status: 400, param: "wait" });
  });
});

describe("paths", () => {
  it.each([
    "/",
    "/v1",
    "/v1/",
    "/v1/job",
    "/v1/jobs/",
    "/V1/jobs",
    "//v1/jobs",
    "/v1/jobs/a/b",
    "/v1/jobs/x/cancel/y",
    "/v2/jobs",
    "/docs/../v1/x",
    "/docs/swagger-ui.js",
    "/.env",
    "/docs/package.json",
    "/%2e%2e/etc/passwd",
    "/v1%2fjobs",
    "/%ff",
    "/%",
    "/🦙",
  ])("%s is nowhere", async (path) => {
    expect(await errorOf(await api.request(path))).toMatchObject({ status: 404, code: "route_not_found" });
  });

  it.each([
    "x",
    "job_",
    "%ff",
    "%",
    "%00",
    "job_%00",
    "__proto__",
    "constructor",
    "..%2f..%2f",
    `job_${"0".repeat(25)}`,
    `job_${"0".repeat(27)}`,
    `JOB_${"0".repeat(26)}`,
    "*",
    "j".repeat(10_000),
    "%F0%9F%A6%99",
    `batch_${"0".repeat(26)}`,
  ])("no job has the id %s", async (id) => {
    for (const [method, rest] of [
      ["GET", ""],
      ["GET", "?wait=60"],
      ["DELETE", ""],
      ["POST", "/cancel"],
      ["POST", "/retry"],
    ] as const) {
      const error = await errorOf(await api.request(`/v1/jobs/${id}${rest}`, { method }));
      expect(error).toMatchObject({ status: 404, code: "job_not_found", param: "id" });
      expect(error.message.length).toBeLessThan(200);
    }
  });

  it("answers HEAD as GET without a body", async () => {
    const { id } = await api.submit();
    const found = await api.request(`/v1/jobs/${id}`, { method: "HEAD" });
    expect([found.status, await found.text()]).toEqual([200, ""]);
    expect((await api.request(`/v1/jobs/${anId}`, { method: "HEAD" })).status).toBe(404);
  });
});

describe("x-request-id", () => {
  it("is the client's own when it is short and plain, else ours", async () => {
    const idOf = async (value: string) => {
      const response = await api.request("/livez", { headers: { "x-request-id": value } });
      return response.headers.get("x-request-id");
    };
    expect(await idOf("abc-123_=")).toBe("abc-123_=");
    for (const value of ["", "a b", "a<script>", "é", "x".repeat(129), "a;b", "a:b"])
      expect(await idOf(value)).toMatch(/^req_[0-9a-z]{26}$/);
  });

  it("is on successes, refusals and unknown routes, another each time", async () => {
    const ids = await Promise.all(
      ["/livez", "/v1/jobs", "/nowhere", "/v1/jobs?x=1", "/docs"].map(async (path) =>
        (await api.request(path)).headers.get("x-request-id"),
      ),
    );
    expect(new Set(ids).size).toBe(5);
    expect(ids).not.toContain(null);
  });
});
