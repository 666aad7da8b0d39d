import { afterEach, beforeEach, expect, it } from "vitest";
import { startFileSweeper } from "../src/file-sweeper.ts";
import { type BatchWorld, OWNER, openBatchWorld } from "./batch-world.ts";
import { logger } from "./harness.ts";

let world: BatchWorld;
let sweeper: ReturnType<typeof startFileSweeper>;
beforeEach(async () => {
  world = await openBatchWorld();
  sweeper = startFileSweeper({ store: world.store, storage: world.storage, retentionMs: () => 3_600_000, logger });
});
afterEach(async () => {
  await sweeper.stop();
  await world[Symbol.asyncDispose]();
});

async function isStored(id: string): Promise<boolean> {
  try {
    for await (const _part of world.storage.read(`files/${id}`)) return true;
    return true;
  } catch {
    return false;
  }
}

const untilGone = (id: string) =>
  expect
    .poll(
      () => {
        sweeper.wake();
        return isStored(id);
      },
      { timeout: 10_000 },
    )
    .toBe(false);

it("removes the content of a file that was deleted, and of no other", async () => {
  const [id, other] = [await world.upload("one"), await world.upload("two")];
  await world.store.files.remove({ id, owner: OWNER });
  await untilGone(id);
  expect(await isStored(other)).toBe(true);
  expect(await world.store.files.removals(10)).toEqual([]);
});

it("ends files whose time is over, but not while a batch needs them", async () => {
  const [id, needed] = [await world.upload("one"), await world.upload("two")];
  await world.start("", { inputFileId: needed });
  const expiring = `${world.store.keys.base}files_expiring`;
  await world.redis.zadd(expiring, 1, id, 1, needed);
  await untilGone(id);
  expect(await world.store.files.get({ id, owner: OWNER })).toBeNull();
  expect(await isStored(needed)).toBe(true);
  expect(Number(await world.redis.zscore(expiring, needed))).toBeGreaterThan(Date.now());
});

it("removes what an upload has left that was never finished", async () => {
  const id = `file_${"0".repeat(26)}`;
  async function* content() {
    yield Buffer.from("half");
  }
  await world.storage.write(`files/${id}`, content());
  await world.store.files.beginUpload(id, 1);
  await untilGone(id);
});
