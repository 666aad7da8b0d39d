import { seededRandom } from "@llamero/testkit";
import { expect, test } from "vitest";
import { EventClient, Follower } from "../../api/test/event-client.ts";
import { Deployment, longJob } from "./deployment.ts";

const CUTS = 50;
/** Jobs that share the worker's slots, so that the one that is followed takes its time. */
const COMPANY = 9;

test("a client that is cut off 50 times during one generation, and comes back through two APIs, has exactly the job's text", async () => {
  const random = seededRandom(4);
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: String(COMPANY + 1) });
  const [first, second] = await Promise.all([deployment.startApi(), deployment.startApi(), deployment.start("worker")]);
  const { id } = await first.submit(longJob);
  for (let i = 0; i < COMPANY; i++) await second.submit(longJob);
  const urls = [first, second].map(({ process }) => `${process.ready.url}/v1/jobs/${id}/events`);
  const follower = new Follower();
  const open = (cut: number) => EventClient.open(urls[cut % 2] ?? "", follower.headers);
  for (let cut = 1; cut <= CUTS; cut++) {
    const client = await open(cut);
    // What arrives beyond what is taken is lost with the connection. Text comes four times a second: most cuts come sooner.
    if (random.chance(0.25)) follower.take((await client.next()) ?? expect.fail("the stream ended"));
    else await client.read();
    await client.close();
    expect(follower.job, `ended before cut ${cut}`).toBeNull();
  }
  for await (const event of await open(0)) follower.take(event);
  const job = await first.ended(id);
  expect(job).toMatchObject({ status: "succeeded", output: { text: follower.text }, usage: { completion_tokens: 900 } });
  expect(follower.job).toEqual(job);
  expect(new Set(follower.ids).size).toBe(follower.ids.length);
  const again = new Follower();
  for await (const event of await EventClient.open(urls[1] ?? "")) again.take(event);
  expect(again).toEqual(follower);
});
