import { connectRedis } from "@llamero/store";
import { documentedRights, startTlsRedis, WebhookReceiver } from "@llamero/testkit";
import { expect, test } from "vitest";
import { Deployment, sentiment } from "./deployment.ts";

const env = {
  LLAMERO_WEBHOOK_ALLOW: "127.0.0.1/32",
  LLAMERO_WEBHOOK_HTTP: "true",
  LLAMERO_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 5).toString("base64")}`,
};

test("over TLS, with an authority of its own and the rights that the documentation gives, a deployment works and is denied nothing", async () => {
  await using receiver = await WebhookReceiver.start();
  const redis = await startTlsRedis();
  const admin = await connectRedis(redis.server.url, "commands");
  await admin.call("ACL", "SETUSER", "llamero", ...documentedRights());
  const url = `rediss://llamero:password@127.0.0.1:${redis.port}`;
  const close = async () => {
    admin.disconnect();
    await redis.close();
  };
  await using deployment = Deployment.onFleet({ url, primary: redis.server, close }, env);
  // Without the authority nobody believes the server.
  await expect(deployment.startApi()).rejects.toThrow(/does not answer: .*certificate/);

  const trust = { NODE_EXTRA_CA_CERTS: redis.caFile };
  const [api] = await Promise.all([
    deployment.startApi(trust),
    deployment.start("worker", trust),
    deployment.start("dispatcher", trust),
  ]);
  const soon = new Date(Date.now() + 500).toISOString();
  const jobs = [
    await api.submit({ ...sentiment, webhook: { url: receiver.url } }),
    await api.submit({ ...sentiment, run_at: soon, reuse: false }),
  ];
  for (const { id } of jobs) expect(await api.ended(id)).toMatchObject({ status: "succeeded", output: { text: "positive" } });
  await receiver.until(({ body }) => body.includes("job.succeeded"));
  expect(await admin.call("ACL", "LOG")).toEqual([]);
});
