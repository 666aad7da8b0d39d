import { setTimeout as pause } from "node:timers/promises";
import { connectRedis } from "@llamero/store";
import { freePort } from "./free-port.ts";
import { startRedis, type TestRedis } from "./redis-server.ts";

/** A master that is silent for so long is down, in milliseconds. */
const NODE_TIMEOUT_MS = 1_000;
const MASTERS = 3;
const SLOTS = 16_384;
/** Between two looks at what the nodes know of each other, in milliseconds: a node tells nobody when that changes. */
const LOOK_MS = 20;

/** A node, and how to talk to it. */
interface Node {
  server: TestRedis;
  port: number;
  busPort: number;
  redis: Awaited<ReturnType<typeof connectRedis>>;
}

export interface RedisCluster {
  /** `cluster://…` with every master. */
  url: string;
  /** The master that has the slot at first. */
  primary: TestRedis;
  /** The primary's. */
  replica: TestRedis;
  /** The two masters that do not have the slot. */
  others: readonly TestRedis[];
  /** Makes the replica the master, as an operator does who takes the primary out of service; nothing is lost. */
  failOver(): Promise<void>;
  /** Moves the slot, with all its keys, to another master. */
  migrate(): Promise<void>;
  close(): Promise<void>;
}

async function startNode(): Promise<Node> {
  const [port, busPort] = [await freePort(), await freePort()];
  // By default the bus is 10000 above the port, where there may be none.
  const own = ["--port", String(port), "--bind", "127.0.0.1", "--cluster-port", String(busPort)];
  const timing = ["--cluster-node-timeout", String(NODE_TIMEOUT_MS), "--repl-diskless-sync-delay", "0"];
  const server = await startRedis([...own, "--cluster-enabled", "yes", ...timing]);
  return { server, port, busPort, redis: await connectRedis(server.url, "worker") };
}

async function until(fits: () => Promise<boolean>): Promise<void> {
  while (!(await fits())) await pause(LOOK_MS);
}

const says = (node: Node, text: string) => node.redis.cluster("INFO").then((info) => String(info).includes(text));

const isMaster = ({ redis }: Node) => redis.info("replication").then((info) => info.includes("role:master"));

/** Hands out the slots in equal parts and lets all know each other. */
async function join(masters: readonly Node[], replica: Node): Promise<void> {
  const size = Math.ceil(SLOTS / masters.length);
  const nodes = [...masters, replica];
  await Promise.all(
    masters.map(({ redis }, index) =>
      redis.call("CLUSTER", "ADDSLOTSRANGE", index * size, Math.min(SLOTS, (index + 1) * size) - 1),
    ),
  );
  // Nodes that begin alike agree on who is right by themselves, but take their time.
  await Promise.all(nodes.map(({ redis }, index) => redis.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1)));
  const [first, ...rest] = nodes;
  await Promise.all(rest.map(({ port, busPort }) => first?.redis.call("CLUSTER", "MEET", "127.0.0.1", port, busPort)));
  for (const node of nodes) await until(() => says(node, `cluster_known_nodes:${nodes.length}`));
}

/** Makes a node the replica of another; resolves when it has caught up and the cluster works. */
async function attach(replica: Node, primary: Node, nodes: readonly Node[]): Promise<void> {
  const id = String(await primary.redis.cluster("MYID"));
  await until(() =>
    replica.redis.call("CLUSTER", "REPLICATE", id).then(
      () => true,
      () => false,
    ),
  );
  await until(async () => (await replica.redis.info("replication")).includes("master_link_status:up"));
  for (const node of nodes) {
    await until(() => says(node, "cluster_state:ok"));
    // One that takes it for a master still would not let it take over.
    await until(async () => String(await node.redis.cluster("NODES")).includes(`slave ${id} `));
  }
}

/** Moves a slot as `redis-cli --cluster reshard` does. */
async function moveSlot(slot: number, from: Node, to: Node, nodes: readonly Node[]): Promise<void> {
  const [fromId, toId] = [String(await from.redis.cluster("MYID")), String(await to.redis.cluster("MYID"))];
  await to.redis.call("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
  await from.redis.call("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
  for (;;) {
    const keys = (await from.redis.call("CLUSTER", "GETKEYSINSLOT", slot, 100)) as string[];
    if (keys.length === 0) break;
    await from.redis.call("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", ...keys);
  }
  const others = nodes.filter((node) => node !== to && node !== from);
  // A replica refuses, and is told by its master.
  for (const { redis } of [to, from, ...others]) await redis.call("CLUSTER", "SETSLOT", slot, "NODE", toId).catch(() => {});
}

/**
 * Three masters, and a replica for the one of them that has a slot.
 * @param hashTag what the slot is computed from, with its braces
 */
export async function startRedisCluster({ hashTag = "{c0}" }: { hashTag?: string } = {}): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: MASTERS + 1 }, startNode));
  const [replica, ...masters] = nodes as [Node, ...Node[]];
  const slot = Number(await replica.redis.cluster("KEYSLOT", hashTag));
  const owner = masters[Math.floor(slot / Math.ceil(SLOTS / MASTERS))] as Node;
  await join(masters, replica);
  await attach(replica, owner, nodes);
  const others = masters.filter((master) => master !== owner) as [Node, ...Node[]];
  return {
    url: `cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join()}`,
    primary: owner.server,
    replica: replica.server,
    others: others.map(({ server }) => server),
    failOver: async () => {
      await replica.redis.call("CLUSTER", "FAILOVER");
      await until(async () => !(await isMaster(owner)));
    },
    migrate: async () => moveSlot(slot, (await isMaster(owner)) ? owner : replica, others[0], nodes),
    close: async () => {
      for (const { redis } of nodes) redis.disconnect();
      await Promise.all(nodes.map(({ server }) => server.close()));
    },
  };
}
