import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BatchStatus, type LiveSettings, newId } from "@llamero/core";
import type { BatchEndpoint, ResultLine } from "@llamero/openai";
import { type LoadedHooks, noHooks } from "@llamero/process";
import { openStorage, type Storage } from "@llamero/storage";
import { connectRedis, createOutbox, createStore, type NewBatch, type Store, type StoredBatch, uploadName } from "@llamero/store";
import { answering, StandInWorker, startRedis, type TestRedis, tinyEntry } from "@llamero/testkit";
import { type Batches, startBatches } from "../src/batches/batches.ts";
import { once } from "../src/once.ts";
import { startOutboxLoop } from "../src/outbox-loop.ts";
import { logger } from "./harness.ts";

export const MAX_LINE = 20_000;
export const OWNER = "local";

/** What a batch has written, line by line. */
export interface Written {
  output: ResultLine[];
  error: ResultLine[];
}

/** What a dispatcher works with in the place of what the world has. */
interface DispatcherParts {
  storage?: Storage;
  hooks?: Pick<LoadedHooks, "beforeAccept">;
}

export interface BatchWorld extends AsyncDisposable {
  server: TestRedis;
  redis: Awaited<ReturnType<typeof connectRedis>>;
  store: Store;
  storage: Storage;
  /** What dispatchers take for the settings that hold. */
  settings: { current: LiveSettings };
  worker: StandInWorker;
  /** How many jobs may wait. */
  maxWaiting: number;
  /** A dispatcher in this process, stopped at the end. @param over what it works with instead */
  dispatch(over?: DispatcherParts): Promise<{ stop(): Promise<void> }>;
  /** A file of an owner with this content. */
  upload(content: string | Buffer): Promise<string>;
  /** A batch over this content. */
  start(content: string | Buffer, over?: Partial<NewBatch>): Promise<string>;
  batch(id: string): Promise<StoredBatch>;
  /** The batch as soon as it is so; each read is a round trip, which paces the loop. */
  until(id: string, isSo: (batch: StoredBatch) => boolean): Promise<StoredBatch>;
  ended(id: string, status?: BatchStatus): Promise<StoredBatch>;
  written(id: string): Promise<Written>;
  /** Jobs that there are, of whatever state. */
  jobs(): Promise<string[]>;
}

/** A line of a batch. */
export const line = (customId: string, body: object, url: BatchEndpoint = "/v1/chat/completions") =>
  JSON.stringify({ custom_id: customId, method: "POST", url, body });

export const chat = (content: string, over: object = {}) => ({ model: "tiny", messages: [{ role: "user", content }], ...over });

/** So many lines, whose ids are r0, r1, … */
export const chats = (count: number) => Array.from({ length: count }, (_, index) => line(`r${index}`, chat(`say ${index}`)));

export const text = (lines: readonly string[]) => `${lines.join("\n")}\n`;

export const ids = (lines: readonly ResultLine[]) => lines.map(({ custom_id }) => custom_id);

export async function openBatchWorld(): Promise<BatchWorld> {
  const server = await startRedis();
  const redis = await connectRedis(server.url, "worker");
  const folder = await mkdtemp(join(tmpdir(), "llamero-batches-"));
  const storage = await openStorage({ DATA_DIR: folder });
  const store = createStore({
    ...{ redis, prefix: "test" },
    limits: () => ({ maxWaiting: world.maxWaiting, maxWaitingTokens: null }),
    reuseMode: () => world.settings.current.reuse?.mode ?? "off",
  });
  const worker = new StandInWorker(store);
  const owned: { stop(): Promise<void> }[] = [];
  const capabilities = [...tinyEntry.capabilities, "rerank" as const];
  for (const name of ["tiny", "embedder"]) await store.announceModel({ ...tinyEntry, name, capabilities });
  worker.script = answering;
  const newBatchId = () => newId("batch", { now: Date.now, randomBytes, cell: 0 });
  const world: BatchWorld = {
    ...{ server, redis, store, storage, settings: { current: {} }, worker, maxWaiting: 1_000_000 },
    dispatch: async (over = {}) => {
      const dispatcher = await startDispatcher(world, over);
      owned.push(dispatcher);
      return dispatcher;
    },
    upload: async (content) => {
      const id = newId("file", { now: Date.now, randomBytes, cell: 0 });
      async function* source() {
        yield Buffer.from(content);
      }
      const bytes = await storage.write(uploadName(id), source());
      const digest = randomBytes(8).toString("hex");
      await store.files.create({
        ...{ id, owner: OWNER, filename: "in.jsonl", purpose: "batch" },
        bytes,
        digest,
        expiresSeconds: null,
      });
      return id;
    },
    start: async (content, over = {}) => {
      const id = newBatchId();
      const inputFileId = over.inputFileId ?? (await world.upload(content));
      const created = await store.batches.create({
        ...{ id, owner: OWNER, keyId: null, endpoint: "/v1/chat/completions", inputFileId, windowSeconds: 3_600 },
        ...{ metadata: {}, outputExpiresSeconds: null, reuse: null, idempotency: null },
        ...over,
      });
      if (created.outcome !== "created") throw new Error(`not created: ${created.outcome}`);
      return id;
    },
    batch: async (id) => {
      const batch = await store.batches.get({ id });
      if (batch === null) throw new Error(`there is no ${id}`);
      return batch;
    },
    until: async (id, isSo) => {
      const end = performance.now() + 20_000;
      for (;;) {
        const batch = await world.batch(id);
        if (isSo(batch)) return batch;
        if (performance.now() > end) throw new Error(`still ${JSON.stringify(batch)}`);
      }
    },
    ended: async (id, status = "completed") => {
      const batch = await world.until(id, ({ hasEnded }) => hasEnded);
      if (batch.status !== status) throw new Error(`it is ${batch.status}: ${JSON.stringify(batch.errors)}`);
      return batch;
    },
    written: async (id) => {
      const { outputFileId, errorFileId } = await world.batch(id);
      return { output: await linesOf(world, outputFileId), error: await linesOf(world, errorFileId) };
    },
    jobs: async () => (await redis.keys(store.keys.job("*"))).map((key) => key.slice(store.keys.job("").length)),
    [Symbol.asyncDispose]: async () => {
      for (const dispatcher of owned) await dispatcher.stop();
      await worker.reset();
      redis.disconnect();
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
  await worker.open(4);
  return world;
}

async function linesOf({ store, storage }: BatchWorld, fileId: string | null): Promise<ResultLine[]> {
  const file = fileId === null ? null : await store.files.get({ id: fileId, owner: OWNER });
  if (file === null) return [];
  const parts: Uint8Array[] = [];
  for (const { name } of await store.files.objectsOf(file)) for await (const part of storage.read(name)) parts.push(part);
  const content = Buffer.concat(parts);
  if (content.length !== file.bytes) throw new Error(`${file.id} says ${file.bytes} bytes and has ${content.length}`);
  return content
    .toString()
    .trimEnd()
    .split("\n")
    .map((each) => JSON.parse(each) as ResultLine);
}

/** What `main` starts, as far as batches go. */
async function startDispatcher(world: BatchWorld, over: DispatcherParts) {
  const { server, store, settings, worker } = world;
  const blocking = await connectRedis(server.url, "blocking");
  const tools = {
    ...{ store, settings, storage: over.storage ?? world.storage, carriers: worker, logger, maxLineBytes: MAX_LINE },
    hooks: over.hooks ?? noHooks,
  };
  const batches: Batches = startBatches(tools);
  const outbox = await startOutboxLoop({
    outbox: createOutbox(blocking, store.keys, randomBytes(4).toString("hex")),
    deliver: async (events) => {
      if (events.some(({ type }) => type === "batch.due")) batches.wake();
    },
    logger,
  });
  return {
    stop: once(async () => {
      const stopped = outbox.stop();
      blocking.disconnect();
      await stopped;
      await batches.stop();
    }),
  };
}
