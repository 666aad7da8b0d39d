import { OtlpReceiver, type ReceivedSpan, WebhookReceiver } from "@llamero/testkit";
import { expect, test, vi } from "vitest";
import { Deployment, longJob, sentiment } from "./deployment.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const traceparent = `00-${traceId}-${spanId}-01`;

const until = <T>(what: () => T | Promise<T>) => vi.waitFor(what, { timeout: 30_000, interval: 20 });

/** Each span as its service, its name and those that it is a part of, the outermost first. */
function tree(spans: readonly ReceivedSpan[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const path = (span: ReceivedSpan): string => {
    const parent = span.parent === null ? undefined : byId.get(span.parent);
    const name = span.name === "attempt" ? `attempt ${span.attributes["llamero.attempt"]}` : span.name;
    return parent === undefined ? name : `${path(parent)} > ${name}`;
  };
  // A slot is waited for, or not.
  return spans
    .filter(({ name }) => name !== "slot")
    .map((span) => `${span.service}: ${path(span)}`)
    .sort();
}

test("one trace shows a job from its request over two workers to its webhook, and holds nothing of what it says", async () => {
  await using collector = await OtlpReceiver.start();
  await using receiver = await WebhookReceiver.start();
  await using deployment = await Deployment.open({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    LLAMERO_WEBHOOK_HTTP: "true",
    LLAMERO_WEBHOOK_ALLOW: "127.0.0.0/8",
  });
  const leaves = { LLAMERO_STOP_SECONDS: "0.5" };
  const [api, first] = await Promise.all([
    deployment.startApi(),
    deployment.start("worker", leaves),
    deployment.start("dispatcher"),
  ]);
  const webhook = { url: receiver.url, secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}` };
  const { body } = await api.call("POST", "/v1/jobs", { ...longJob, webhook }, { traceparent });
  const { id } = body as { id: string };
  await api.until(id, (job) => job.progress.completion_tokens > 0);
  await first.stop();
  const second = await deployment.start("worker");
  const ended = await api.ended(id);
  expect(ended).toMatchObject({ status: "succeeded", attempts: 2 });

  await until(() => expect(collector.spans.map(({ name }) => name)).toEqual(expect.arrayContaining(["webhook"])));
  const wanted = [
    "llamero-api: POST",
    "llamero-dispatcher: POST > webhook",
    "llamero-worker: POST > attempt 1",
    "llamero-worker: POST > attempt 2",
    "llamero-worker: POST > attempt 2 > decode",
    "llamero-worker: POST > attempt 2 > prefill",
    "llamero-worker: POST > queue",
  ];
  const own = () => collector.spans.filter((span) => span.traceId === traceId);
  await until(() => expect(tree(own())).toEqual(wanted));
  const [request] = own().filter(({ name }) => name === "POST");
  expect(request).toMatchObject({
    parent: spanId,
    attributes: { "llamero.operation": "submitJob", "http.response.status_code": 202 },
  });
  const results = own()
    .filter(({ name }) => name === "attempt")
    .map(({ attributes }) => attributes["llamero.result"]);
  expect(results.sort()).toEqual(["requeued", "succeeded"]);
  for (const { name, startMs, endMs } of own()) expect(endMs, name).toBeGreaterThanOrEqual(startMs);

  const [told] = receiver.received;
  expect(told?.headers["traceparent"]).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  expect(second.log.filter((line) => line["job_id"] === id && line["msg"] === "job succeeded")).toMatchObject([
    { trace_id: traceId },
  ]);
  const sent = collector.bodies.join();
  const output = ended.output as { text: string };
  for (const secret of [longJob.prompt, output.text.slice(0, 20), webhook.secret]) expect(sent).not.toContain(secret);
});

test("without a collector a trace is handed on, and a collector that is away holds nothing up", async () => {
  await using receiver = await WebhookReceiver.start();
  await using deployment = await Deployment.open({ LLAMERO_WEBHOOK_HTTP: "true", LLAMERO_WEBHOOK_ALLOW: "127.0.0.0/8" });
  const away = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };
  const [api, worker] = await Promise.all([
    deployment.startApi(),
    deployment.start("worker", away),
    deployment.start("dispatcher"),
  ]);
  const webhook = { url: receiver.url, secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}` };
  const { body } = await api.call("POST", "/v1/jobs", { ...sentiment, webhook }, { traceparent });
  await api.ended((body as { id: string }).id);
  const told = await receiver.until(() => true);
  expect(told.headers["traceparent"]).toBe(traceparent);
  expect(await worker.stop()).toBe(0);
});
