import { setTimeout as pause } from "node:timers/promises";
import { connectRedis } from "@llamero/store";
import type { Random, TcpProxy } from "@llamero/testkit";
import type { Deployment } from "./deployment.ts";
import { type ManagedProcess, type ProcessKind, signal } from "./managed-process.ts";

/** Something that goes wrong, and is right again when `make` resolves. */
export interface Disturbance {
  name: string;
  /** How often it comes in a full run and in a quick one. */
  times: { full: number; quick: number };
  /** Redis itself is harmed: one such comes after the other. */
  isOfRedis?: true;
  /** @returns what it was done to */
  make: (deployment: Deployment, random: Random) => Promise<string>;
}

/** How long things are wrong, in milliseconds. Locks last 3 s, attempts at webhooks 5 s after their last renewal. */
const AWAY_MS = 1_500;
const LOCKS_GONE_MS = 5_000;
const CLOCK_WRONG_MS = 5_000;
const HOUR_MS = 3_600_000;

const KINDS = ["api", "worker", "dispatcher"] as const;

function oneOf(deployment: Deployment, random: Random, kinds: readonly ProcessKind[] = KINDS): ManagedProcess {
  return random.pick(deployment.processes.filter(({ kind }) => kinds.includes(kind)) as [ManagedProcess, ...ManagedProcess[]]);
}

const killing =
  (kind: ProcessKind): Disturbance["make"] =>
  async (deployment, random) => {
    const process = oneOf(deployment, random, [kind]);
    await process.ready;
    await process.kill();
    return process.name;
  };

const stopping =
  (kind: ProcessKind): Disturbance["make"] =>
  async (deployment, random) => {
    const process = oneOf(deployment, random, [kind]);
    await process.sleep(LOCKS_GONE_MS);
    return process.name;
  };

/** Redis ends in some way, and is started again after a while. */
const ending =
  (how: (deployment: Deployment) => Promise<void>): Disturbance["make"] =>
  async (deployment) => {
    await how(deployment);
    await pause(AWAY_MS);
    await deployment.redis.restart();
    return "Redis";
  };

async function untilEnded({ redis }: Deployment): Promise<void> {
  while (redis.process.exitCode === null && redis.process.signalCode === null) await pause(10);
}

/** A link between a process and Redis is harmed for a while. */
const harming =
  (harm: (link: TcpProxy) => void | Promise<void>, ms: number): Disturbance["make"] =>
  async (deployment, random) => {
    const process = oneOf(deployment, random);
    await harm(process.redisLink);
    await pause(ms);
    await process.redisLink.mend();
    return `${process.name} and Redis`;
  };

/** A link that no process of Redis's is at is harmed for a while. */
const harmingOther =
  (
    which: (deployment: Deployment, random: Random) => [name: string, link: TcpProxy],
    harm: (link: TcpProxy) => void | Promise<void>,
  ): Disturbance["make"] =>
  async (deployment, random) => {
    const [name, link] = which(deployment, random);
    await harm(link);
    await pause(AWAY_MS);
    await link.mend();
    return name;
  };

const front = ({ frontLinks }: Deployment, random: Random): [string, TcpProxy] => {
  const at = random.below(frontLinks.length);
  return [`clients and api-${at + 1}`, frontLinks[at] as TcpProxy];
};
const receiver = ({ receiverLink }: Deployment): [string, TcpProxy] => ["dispatchers and receivers", receiverLink];

/** Everything that is done to a deployment besides killing workers all the time. */
export const disturbances: readonly Disturbance[] = [
  { name: "API killed", times: { full: 10, quick: 2 }, make: killing("api") },
  { name: "dispatcher killed", times: { full: 10, quick: 1 }, make: killing("dispatcher") },
  {
    name: "engine killed",
    times: { full: 8, quick: 1 },
    make: async (deployment, random) => {
      const process = oneOf(deployment, random, ["worker"]);
      await process.ready;
      const { enginePid } = process;
      if (enginePid !== null) signal(enginePid, "SIGKILL");
      return process.name;
    },
  },
  {
    name: "engine stopped",
    times: { full: 2, quick: 0 },
    make: async (deployment, random) => {
      const process = oneOf(deployment, random, ["worker"]);
      await process.sleep(LOCKS_GONE_MS, process.enginePid);
      return process.name;
    },
  },
  { name: "API stopped and woken", times: { full: 3, quick: 0 }, make: stopping("api") },
  { name: "worker stopped and woken", times: { full: 5, quick: 1 }, make: stopping("worker") },
  { name: "dispatcher stopped and woken", times: { full: 3, quick: 0 }, make: stopping("dispatcher") },
  { name: "Redis killed", isOfRedis: true, times: { full: 2, quick: 1 }, make: ending(({ redis }) => redis.kill()) },
  {
    name: "Redis told to end",
    isOfRedis: true,
    times: { full: 1, quick: 0 },
    make: ending(async (deployment) => {
      deployment.redis.process.kill("SIGTERM");
      await untilEnded(deployment);
    }),
  },
  {
    name: "Redis shut down without saving",
    isOfRedis: true,
    times: { full: 2, quick: 1 },
    make: ending(async (deployment) => {
      // On a connection that does not say it again to the next one.
      const redis = await connectRedis(deployment.redis.url, "commands");
      // It ends instead of answering.
      await redis.shutdown("NOSAVE").catch(() => {});
      redis.disconnect();
      await untilEnded(deployment);
    }),
  },
  {
    name: "Redis stopped and woken",
    isOfRedis: true,
    times: { full: 2, quick: 1 },
    make: async ({ redis }) => {
      redis.process.kill("SIGSTOP");
      await pause(LOCKS_GONE_MS);
      redis.process.kill("SIGCONT");
      return "Redis";
    },
  },
  {
    name: "disk full",
    isOfRedis: true,
    times: { full: 3, quick: 1 },
    make: async ({ redis }) => {
      await redis.setDiskFull(true);
      await pause(AWAY_MS);
      await redis.setDiskFull(false);
      return "Redis";
    },
  },
  { name: "link cut", times: { full: 8, quick: 1 }, make: harming((link) => link.cut(), AWAY_MS) },
  { name: "link reset", times: { full: 8, quick: 1 }, make: harming((link) => link.reset(), 0) },
  { name: "link frozen", times: { full: 5, quick: 1 }, make: harming((link) => link.freeze(), LOCKS_GONE_MS) },
  {
    name: "replies lost",
    times: { full: 6, quick: 1 },
    make: async (deployment, random) => {
      const process = oneOf(deployment, random);
      process.redisLink.freeze("replies");
      await pause(AWAY_MS);
      process.redisLink.reset();
      await process.redisLink.mend();
      return `${process.name} and Redis`;
    },
  },
  { name: "connections forgotten", times: { full: 4, quick: 1 }, make: harming((link) => link.strand(), 0) },
  { name: "front cut", times: { full: 4, quick: 1 }, make: harmingOther(front, (link) => link.cut()) },
  { name: "front reset", times: { full: 4, quick: 0 }, make: harmingOther(front, (link) => link.reset()) },
  { name: "receivers cut off", times: { full: 3, quick: 1 }, make: harmingOther(receiver, (link) => link.cut()) },
  { name: "receivers reset", times: { full: 3, quick: 0 }, make: harmingOther(receiver, (link) => link.reset()) },
  {
    name: "clock jump",
    times: { full: 9, quick: 2 },
    make: async (deployment, random) => {
      const process = oneOf(deployment, random);
      const wrongByMs = random.pick([HOUR_MS, -HOUR_MS]);
      await process.setClock(wrongByMs);
      await pause(CLOCK_WRONG_MS);
      await process.setClock(0);
      return `${process.name} by ${wrongByMs / HOUR_MS} h`;
    },
  },
];
