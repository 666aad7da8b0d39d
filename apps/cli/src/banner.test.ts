import { expect, test } from "vitest";
import { banner } from "./banner.ts";

const tiny = { name: "tiny", base: null, slots: 4, context_length: 1024 };

test("names the URL and the models, and a request for the only model", () => {
  const text = banner({ url: "http://127.0.0.1:3001", models: [tiny], needsKey: false });
  expect(text).toContain("Llamero is ready at http://127.0.0.1:3001");
  expect(text).toContain("tiny (4 slots, 1024 tokens of context)");
  expect(text).toContain(
    `curl -s 'http://127.0.0.1:3001/v1/jobs' -H 'Prefer: wait=30' -H 'content-type: application/json' -d '{"prompt":`,
  );
});

test("names a model in the request when there are several", () => {
  const text = banner({ url: "http://127.0.0.1:3000", models: [tiny, { ...tiny, name: "large" }], needsKey: false });
  expect(text).toContain(`-d '{"model":"tiny","prompt":`);
});

test("says which model an adapter is on, since it has no slots of its own", () => {
  const models = [tiny, { ...tiny, name: "legal", base: "tiny" }];
  expect(banner({ url: "http://127.0.0.1:3000", models, needsKey: false })).toContain(
    "tokens of context), legal (an adapter on tiny)",
  );
});

test("asks for the key when requests need one", () => {
  expect(banner({ url: "http://127.0.0.1:3000", models: [tiny], needsKey: true })).toContain("authorization: Bearer");
});

test.each(["http://0.0.0.0:3000", "http://[::]:3000"])("gives an address to connect to for %s", (url) => {
  expect(banner({ url, models: [], needsKey: false })).toContain("ready at http://127.0.0.1:3000\n");
});

test("names the address for gRPC where there is one", () => {
  const named = banner({ url: "http://127.0.0.1:3000", grpcUrl: "http://0.0.0.0:50051", models: [tiny], needsKey: false });
  expect(named).toContain("\n  gRPC: 127.0.0.1:50051\n");
  expect(banner({ url: "http://127.0.0.1:3000", models: [tiny], needsKey: false })).not.toContain("gRPC");
});
