import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { scopeOf } from "../src/route.ts";
import { routes } from "../src/routes/index.ts";
import { checkError } from "./expect-error.ts";
import { useApi } from "./harness.ts";
import { answerSchema, answerType, type Document, documentSchema, operations, refsOf } from "./openapi-document.ts";
import { provocations, type Request } from "./provocations.ts";

const api = useApi({ maxWaiting: 30, answerMs: 1_500 });
let document: Document;

beforeAll(async () => {
  const response = await api.request("/openapi.json");
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  document = documentSchema.parse(await response.json());
});

const host = { host: "evil.example" };
const provoke = provocations(api);

const send = ({ method, path, ...init }: Request) => api.request(path, { method, ...init });

async function check(operationId: string, status: number, response: Response): Promise<void> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  const type = answerType(document, operationId, status);
  expect(response.headers.get("content-type")?.split(";")[0] ?? null).toBe(type);
  if (type === "application/json") answerSchema(document, operationId, status).parse(JSON.parse(text));
  if (status >= 400) checkError({ status, headers: response.headers, text });
}

describe("the document", () => {
  it("describes every route, and nothing else", () => {
    const described = operations(document).map(({ method, path }) => `${method} ${path}`);
    expect(described.toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted());
  });

  it("gives every operation an id of its own, a summary, a tag that exists and responses", () => {
    const all = operations(document);
    expect(new Set(all.map(({ operation }) => operation.operationId)).size).toBe(all.length);
    const tags = document.tags.map(({ name }) => name);
    for (const { operation } of all) {
      expect(tags).toEqual(expect.arrayContaining(operation.tags));
      expect(Object.keys(operation.responses).some((status) => status.startsWith("2"))).toBe(true);
    }
  });

  it("declares each path's parameters, once", () => {
    for (const { path, operation } of operations(document)) {
      const inPath = operation.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      expect(inPath).toEqual(Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name));
      const names = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("has all that it refers to, and refers to nothing outside", () => {
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(known).toEqual(expect.arrayContaining(refsOf(document)));
  });

  it("says by its schemas what is refused and what is taken", () => {
    const { SubmitJob } = document.components.schemas;
    expect(SubmitJob).toMatchObject({
      additionalProperties: false,
      properties: { params: { $ref: "#/components/schemas/Params" } },
    });
  });

  it("would notice an answer that is not as it says", async () => {
    const job = await api.submit();
    const schema = answerSchema(document, "getJob", 200);
    expect(schema.safeParse(job).success).toBe(true);
    for (const wrong of [
      { ...job, status: "lost" },
      { ...job, attempts: "1" },
      { ...job, created_at: 5 },
      { ...job, usage: {} },
      { ...job, id: undefined },
    ])
      expect(schema.safeParse(wrong).success).toBe(false);
    expect(z.object({}).safeParse(job).success).toBe(true);
  });
});

describe.each(routes.map((route) => [route.operationId, route] as const))("%s", (operationId, route) => {
  const statuses = () =>
    Object.keys(operations(document).find((entry) => entry.operation.operationId === operationId)?.operation.responses ?? {}).map(
      Number,
    );
  const documented = (status: number) => statuses().includes(status);
  const some = () => Object.values(provoke[operationId] ?? {})[0]?.() ?? { method: "GET", path: "/" };

  it("answers with every status that the document lists, as the document says", async () => {
    const own = provoke[operationId] ?? {};
    const shared = [400, 401, 403, 503];
    expect(statuses().filter((status) => !shared.includes(status))).toEqual(Object.keys(own).map(Number));
    for (const [status, request] of Object.entries(own)) {
      await api.reset();
      await check(operationId, Number(status), await send(await request()));
    }
  });

  it("answers 400 as documented", async () => {
    const request = await some();
    await check(operationId, 400, await send({ ...request, path: `${request.path.split("?")[0]}?nonsense=1` }));
  });

  it("answers 401 and 403 as documented, or to everybody", async () => {
    const request = await some();
    const closed = await api.replica({ fixedKeys: [{ owner: "a", key: "a-secret" }] });
    const { authorization: _, ...headers } = request.headers ?? {};
    const unknown = await closed.request(request.path, { ...request, headers });
    const foreign =
      scopeOf(route) === "admin"
        ? await closed.request(request.path, { ...request, headers: { ...headers, authorization: "Bearer a-secret" } })
        : await api.request(request.path, { ...request, headers: { ...headers, ...host } });
    expect([documented(401), documented(403)]).toEqual([route.isPublic !== true, route.isPublic !== true]);
    if (documented(401)) await check(operationId, 401, unknown);
    else expect(unknown.status).toBe(200);
    if (documented(403)) await check(operationId, 403, foreign);
    else expect(foreign.status).toBe(200);
  });

  it("answers 503 as documented while Redis is away", async () => {
    const request = await some();
    const alone = await api.replica();
    alone.disconnectRedis();
    const response = await alone.request(request.path, request);
    if (documented(503)) await check(operationId, 503, response);
    else expect(response.status).toBe(200);
  });
});
