import { execFile } from "node:child_process";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema, Jobs, ServerReflection, ServerReflectionAlpha } from "@llamero/grpc";
import { describe, expect, it } from "vitest";
import { type GrpcMessage, readAll, readFirst } from "./grpc-client.ts";
import { jsonType } from "./harness.ts";
import { useGrpc } from "./use-grpc.ts";

const run = promisify(execFile);
/** Its `curl` is a gRPC client by another hand. */
const buf = fileURLToPath(new URL("../../../node_modules/.bin/buf", import.meta.url));

const api = useGrpc();

const transports: Record<string, () => Transport> = {
  "Connect over HTTP/1.1": () => createConnectTransport({ baseUrl: api.grpcUrl, httpVersion: "1.1" }),
  "Connect in JSON over HTTP/1.1": () =>
    createConnectTransport({ baseUrl: api.grpcUrl, httpVersion: "1.1", useBinaryFormat: false }),
  "Connect over HTTP/2": () => createConnectTransport({ baseUrl: api.grpcUrl, httpVersion: "2" }),
  "gRPC-Web over HTTP/1.1": () => createGrpcWebTransport({ baseUrl: api.grpcUrl, httpVersion: "1.1" }),
  "gRPC-Web over HTTP/2": () => createGrpcWebTransport({ baseUrl: api.grpcUrl, httpVersion: "2" }),
  "gRPC over HTTP/2": () => createGrpcTransport({ baseUrl: api.grpcUrl }),
};

async function thrown(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => expect.fail("was answered"),
    (error: unknown) => ConnectError.from(error),
  );
}

describe.each(Object.entries(transports))("%s", (_name, transport) => {
  it("submits, watches to the end, gets and cancels", async () => {
    const client = createClient(Jobs, transport());
    const { id } = await client.submit({ prompt: "a" });
    const claim = await api.worker.take();
    const cases: (string | undefined)[] = [];
    for await (const { event } of client.watch({ id })) {
      cases.push(event.case);
      if (cases.length === 2) await api.worker.write(claim, 1, "positive").then(() => api.worker.succeed(claim));
    }
    expect(cases).toEqual(["status", "status", "delta", "done"]);
    expect((await client.get({ id })).output?.text).toBe("positive");
    const other = await client.submit({ prompt: "a", delayMs: 60_000n });
    expect((await client.cancel({ id: other.id })).finishedAt).toBeDefined();
  });

  it("says what is wrong", async () => {
    const error = await thrown(createClient(Jobs, transport()).submit({ prompt: "a", params: { temperature: 9 } }));
    expect([error.code, error.rawMessage]).toEqual([Code.InvalidArgument, expect.stringContaining("params.temperature")]);
    const [info] = error.findDetails(ErrorInfoSchema);
    expect(info).toMatchObject({ reason: "invalid_request", domain: "llamero", metadata: { param: "params.temperature" } });
    expect(error.metadata.get("x-request-id")).toMatch(/^req_/);
  });

  it("ends a wait at its deadline, and a stream when its client leaves", async () => {
    const client = createClient(Jobs, transport());
    const { id } = await client.submit({ prompt: "a" });
    expect((await thrown(client.get({ id, waitSeconds: 60 }, { timeoutMs: 300 }))).code).toBe(Code.DeadlineExceeded);
    const leaving = new AbortController();
    const watching = (async () => {
      for await (const _event of client.watch({ id }, { signal: leaving.signal })) leaving.abort();
    })();
    expect((await thrown(watching)).code).toBe(Code.Canceled);
    while (api.notifications.size > 0) await turn();
  });
});

describe("a plain POST of JSON", () => {
  const post = (body: object) =>
    fetch(`${api.grpcUrl}/llamero.v1.Jobs/Submit`, { method: "POST", headers: jsonType, body: JSON.stringify(body) });

  it("submits", async () => {
    const response = await post({ prompt: "a", priority: "PRIORITY_HIGH" });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ priority: "PRIORITY_HIGH", status: "JOB_STATUS_QUEUED" });
  });

  it("with a field that there is not is refused", async () => {
    const response = await post({ prompt: "a", temprature: 1 });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_argument", message: expect.stringContaining("temprature") });
  });
});

describe("the health service", () => {
  const check = (service?: string) => api.grpc.call<GrpcMessage>("grpc.health.v1.Health/Check", { service });

  it("says that the server and its jobs are served, and knows nothing else", async () => {
    for (const service of [undefined, "llamero.v1.Jobs"]) expect(await check(service)).toEqual({ status: "SERVING" });
    expect(await api.grpc.call("grpc.health.v1.Health/List", {})).toEqual({
      statuses: { "": { status: "SERVING" }, "llamero.v1.Jobs": { status: "SERVING" } },
    });
    expect(await api.grpc.refusal("grpc.health.v1.Health/Check", { service: "none" })).toMatchObject({ code: "NOT_FOUND" });
    const unknown = await readFirst(api.grpc.stream("grpc.health.v1.Health/Watch", { service: "none" }));
    expect(unknown).toEqual({ status: "SERVICE_UNKNOWN" });
  });
});

/** What both versions of reflection have in common. */
const reflections = { v1: ServerReflection, v1alpha: ServerReflectionAlpha };

describe.each(Object.entries(reflections))("reflection %s", (_version, service) => {
  const ask = async (messageRequest: { case: string; value: unknown }) => {
    const client = createClient(
      service as typeof ServerReflection,
      transports["gRPC over HTTP/2"]?.() ?? expect.fail("no transport"),
    );
    async function* requests() {
      yield { host: "here", messageRequest } as never;
    }
    for await (const response of client.serverReflectionInfo(requests())) return response;
    return expect.fail("was not answered");
  };

  it("lists the services", async () => {
    const { messageResponse } = await ask({ case: "listServices", value: "" });
    if (messageResponse.case !== "listServicesResponse") return expect.fail("no services");
    expect(messageResponse.value.service.map(({ name }) => name)).toEqual([
      "llamero.v1.Jobs",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ]);
  });

  it.each([
    ["fileContainingSymbol", "llamero.v1.Jobs"],
    ["fileContainingSymbol", "llamero.v1.Jobs.Submit"],
    ["fileContainingSymbol", "llamero.v1.Params.temperature"],
    ["fileByFilename", "llamero/v1/jobs.proto"],
  ])("gives by %s %s all that a client needs to call it", async (kind, value) => {
    const { messageResponse, validHost, originalRequest } = await ask({ case: kind, value });
    if (messageResponse.case !== "fileDescriptorResponse") return expect.fail("no file");
    expect([validHost, originalRequest?.messageRequest.value]).toEqual(["here", value]);
    const file = messageResponse.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    const registry = createFileRegistry({ $typeName: FileDescriptorSetSchema.typeName, file: file.toReversed() });
    const methods = registry.getService("llamero.v1.Jobs")?.methods.map(({ name }) => name);
    expect(methods).toEqual(["Submit", "SubmitStream", "Get", "Watch", "Cancel"]);
  });

  it("says what there is not", async () => {
    for (const [kind, value] of [
      ["fileContainingSymbol", "llamero.v1.None"],
      ["fileByFilename", "none.proto"],
      ["fileContainingExtension", { containingType: "llamero.v1.Job", extensionNumber: 1 }],
      ["allExtensionNumbersOfType", "llamero.v1.None"],
    ] as const)
      expect((await ask({ case: kind, value })).messageResponse).toMatchObject({
        case: "errorResponse",
        value: { errorCode: 5 },
      });
    const { messageResponse } = await ask({ case: "allExtensionNumbersOfType", value: "llamero.v1.Job" });
    expect(messageResponse).toMatchObject({ case: "allExtensionNumbersResponse", value: { extensionNumber: [] } });
  });
});

it.each(["grpc-v1", "grpc-v1alpha"])("a client that has nothing but reflection %s can call its methods", async (version) => {
  const curl = (method: string, message: object, ...more: string[]) =>
    run(buf, [
      "curl",
      "--http2-prior-knowledge",
      "--reflect-protocol",
      version,
      ...more,
      "-d",
      JSON.stringify(message),
      `${api.grpcUrl}/${method}`,
    ]);
  const submitted = await curl("llamero.v1.Jobs/Submit", { prompt: "a" }, "--protocol", "grpc");
  expect(JSON.parse(submitted.stdout)).toMatchObject({ type: "JOB_TYPE_CHAT", model: "tiny" });
  const { id } = JSON.parse(submitted.stdout) as { id: string };
  const cancelled = await curl("llamero.v1.Jobs/Cancel", { id }, "--protocol", "grpc");
  expect(JSON.parse(cancelled.stdout)).toMatchObject({ status: "JOB_STATUS_CANCELLED" });
});

it("a method that there is not is unimplemented", async () => {
  const response = await fetch(`${api.grpcUrl}/llamero.v1.Jobs/None`, { method: "POST", headers: jsonType, body: "{}" });
  expect(response.status).toBe(404);
  expect(
    (await readAll(api.grpc.duplex("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo").end())).error,
  ).toBeNull();
});
