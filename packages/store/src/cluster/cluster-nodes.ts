import { AppError } from "@llamero/core";
import { Redis } from "ioredis";
import { z } from "zod";
import type { NodeAddress } from "../node-address.ts";
import type { ClusterAddress } from "./cluster-url.ts";

/** A node that has not answered for so long is taken to be away, in milliseconds. */
const ANSWER_MS = 1_000;
/** So many are asked at a time: with most of them agreeing, two may be away or behind. */
const ASKED = 5;

/** What CLUSTER SLOTS says of a node: host or null, port, id, more. */
const nodeSchema = z.tuple([z.string().nullable(), z.number(), z.string()]).rest(z.unknown());
/** First and last slot of a range, its master, its replicas. */
const slotsSchema = z.array(z.tuple([z.number(), z.number()]).rest(nodeSchema));

export interface ClusterNode extends NodeAddress {
  id: string;
}

/** What one node says. */
interface Answer {
  /** Who has the slot; null when nobody does. */
  owner: ClusterNode | null;
  nodes: ClusterNode[];
}

/** Resolves with what most have answered, or with what there is when all are through. */
async function most<T>(asked: readonly Promise<T>[]): Promise<{ answers: T[]; errors: unknown[] }> {
  const [answers, errors]: [T[], unknown[]] = [[], []];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const note = (answer: T) => {
    answers.push(answer);
    if (answers.length > asked.length / 2) resolve();
  };
  const all = Promise.all(asked.map((one) => one.then(note, (error: unknown) => errors.push(error))));
  await Promise.race([enough, all]);
  return { answers, errors };
}

/** The one that is named most often. */
function elect(candidates: readonly ClusterNode[]): ClusterNode | null {
  const votes = (one: ClusterNode) => candidates.filter(({ id }) => id === one.id).length;
  return candidates.toSorted((a, b) => votes(b) - votes(a))[0] ?? null;
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** The nodes of a cluster, as far as they are known: who of them has the one slot that holds everything? */
export class ClusterNodes {
  readonly address: ClusterAddress;
  readonly #slot: number;
  /** By `host:port`; those of the URL never go. */
  #known: Map<string, NodeAddress>;

  constructor(address: ClusterAddress, slot: number) {
    this.address = address;
    this.#slot = slot;
    this.#known = new Map();
    this.#learn([]);
  }

  /** In another order each time. */
  known(): NodeAddress[] {
    return shuffled([...this.#known.values()]);
  }

  /**
   * Asks several nodes at once and believes most of them: one that is cut off from the others tells of what was.
   * @throws AppError `redis_unavailable` when nobody has the slot; else whatever kept the first of them from answering
   */
  async owner(): Promise<ClusterNode> {
    const asked = this.known().slice(0, ASKED);
    const { answers, errors } = await most(asked.map((node) => this.#askOnce(node)));
    const owner = elect(answers.flatMap((answer) => answer.owner ?? []));
    const nodes = answers.find((answer) => answer.owner?.id === owner?.id)?.nodes ?? [];
    if (owner !== null) {
      this.#learn(nodes);
      return owner;
    }
    if (errors.length > 0) throw errors[0];
    const text = `No node of the Redis Cluster has slot ${this.#slot}. See what is wrong: redis-cli --cluster check HOST:PORT`;
    throw new AppError("redis_unavailable", text);
  }

  /** A client that asks one node. */
  open({ host, port }: NodeAddress): Redis {
    const { username, password, isTls } = this.address;
    const client = new Redis({
      ...{ host, port, protocol: 2, lazyConnect: true, enableReadyCheck: false, disableClientInfo: true },
      ...{ connectTimeout: ANSWER_MS, commandTimeout: ANSWER_MS, retryStrategy: () => null },
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(isTls ? { tls: {} } : {}),
    });
    client.on("error", () => {});
    return client;
  }

  /** @param host where the client is connected to: a node that does not know its own address leaves it out */
  async ask(client: Redis, { host: own }: NodeAddress): Promise<Answer> {
    const ranges = slotsSchema.parse(await client.cluster("SLOTS"));
    const readNode = ([host, port, id]: z.infer<typeof nodeSchema>): ClusterNode => ({ host: host || own, port, id });
    const nodes = ranges.flatMap(([, , ...members]) => members.map(readNode));
    const range = ranges.find(([first, last]) => first <= this.#slot && this.#slot <= last);
    return { owner: range?.[2] === undefined ? null : readNode(range[2]), nodes };
  }

  async #askOnce(node: NodeAddress): Promise<Answer> {
    const client = this.open(node);
    let reason: Error | null = null;
    client.on("error", (error) => {
      reason = error;
    });
    try {
      await client.connect();
      return await this.ask(client, node);
    } catch (error) {
      throw reason ?? error;
    } finally {
      client.disconnect();
    }
  }

  #learn(nodes: readonly NodeAddress[]): void {
    const all = [...this.address.nodes, ...nodes];
    this.#known = new Map(all.map((node) => [`${node.host}:${node.port}`, node]));
  }
}
