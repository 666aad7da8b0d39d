import { expect, test, vi } from "vitest";
import { connectRedis, SettingsWatch } from "../src/index.ts";
import { useStore } from "./harness.ts";

const harness = useStore();
const by = { by: "ops", nowMs: 1_700_000_000_000 };

test("nothing is set until something is; each change is a version, and says who made it", async () => {
  const { settings } = harness.store;
  expect(await settings.read()).toMatchObject({ version: 0, settings: {}, changed_by: null });
  await settings.change({ max_waiting: 5, weights: { acme: 3 } }, by);
  expect(await settings.change({ max_waiting: null, weights: { bob: 2 } }, { ...by, by: "cli" })).toEqual({
    object: "settings",
    version: 2,
    settings: { weights: { acme: 3, bob: 2 } },
    changed_at: "2023-11-14T22:13:20.000Z",
    changed_by: "cli",
    rollback_of: null,
  });
  expect((await settings.history()).map(({ version, changed_by }) => [version, changed_by])).toEqual([
    [2, "cli"],
    [1, "ops"],
  ]);
});

test("an earlier version is brought back as a new one, also what feed goes by", async () => {
  const { redis, store } = harness;
  const { settings } = store;
  await settings.change({ weights: { acme: 3 }, ageing: { low_seconds: 5 } }, by);
  await settings.change({ weights: { acme: 7 }, ageing: null }, by);
  expect(await settings.rollback(1, by)).toMatchObject({ version: 3, rollback_of: 1, settings: { weights: { acme: 3 } } });
  expect(await redis.hgetall(store.keys.weights)).toEqual({ acme: "3" });
  expect(await redis.hgetall(`${store.keys.base}ageing`)).toEqual({ low: "5000" });
  expect(await settings.rollback(0, by)).toMatchObject({ version: 4, settings: {} });
  expect(await redis.exists(store.keys.weights, `${store.keys.base}ageing`)).toBe(0);
  await expect(settings.rollback(9, by)).rejects.toMatchObject({ code: "settings_version_not_found" });
});

test("changes at the same time are all made; one that names a version that holds no more is not", async () => {
  const { settings } = harness.store;
  const owners = Array.from({ length: 10 }, (_, index) => `o${index}`);
  await Promise.all(owners.map((owner) => settings.change({ weights: { [owner]: 2 } }, by)));
  const { version, settings: now } = await settings.read();
  expect([version, Object.keys(now.weights ?? {}).toSorted()]).toEqual([10, owners]);
  await expect(settings.change({ max_waiting: 1 }, by, 9)).rejects.toMatchObject({ code: "settings_changed" });
  expect(await settings.change({ max_waiting: 1 }, by, 10)).toMatchObject({ version: 11 });
});

test("a hundred versions are kept", async () => {
  const { settings } = harness.store;
  for (let i = 1; i <= 105; i++) await settings.change({ max_waiting: i }, by);
  const versions = (await settings.history()).map(({ version }) => version);
  expect([versions.length, versions[0], versions.at(-1)]).toEqual([100, 105, 6]);
});

test("the audit has each change of keys and settings, the newest first", async () => {
  const { store } = harness;
  const { record } = await store.apiKeys.create({ by: "ops", owner: "acme", name: "", nowMs: 1 });
  await store.apiKeys.limit(record.id, { max_running: 2 }, "cli");
  await store.settings.change({ max_waiting: 1 }, by);
  const entries = await store.audit(10);
  expect(entries.map(({ by: who, action, target }) => [who, action, target])).toEqual([
    ["ops", "settings.change", "1"],
    ["cli", "key.limit", record.id],
    ["ops", "key.create", record.id],
  ]);
  expect(await store.audit(10, entries[1]?.id)).toEqual(entries.slice(2));
});

test("a process that watches knows of a change at once, and after a cut connection of what it missed", async () => {
  const { store, server } = harness;
  const subscriber = await connectRedis(server.url, "blocking");
  const seen: unknown[] = [];
  const watch = new SettingsWatch({ store, subscriber, onChange: (settings) => void seen.push(settings), onError: () => {} });
  await store.settings.change({ max_waiting: 1 }, by);
  await watch.start();
  expect(watch.current).toEqual({ max_waiting: 1 });
  await store.settings.change({ max_waiting: 2 }, by);
  await vi.waitFor(() => expect(watch.current).toEqual({ max_waiting: 2 }), { timeout: 1_000, interval: 5 });
  const reconnected = new Promise((resolve) => subscriber.once("ready", resolve));
  subscriber.disconnect(true);
  await store.settings.change({ max_waiting: 3 }, by);
  await reconnected;
  await vi.waitFor(() => expect(watch.current).toEqual({ max_waiting: 3 }), { timeout: 1_000, interval: 5 });
  expect(seen).toHaveLength(3);
  watch.stop();
  subscriber.disconnect();
});
