import { expect, test } from "vitest";
import { Admission } from "./admission.ts";

function door() {
  const changes: boolean[] = [];
  const admission = new Admission((isOpen) => changes.push(isOpen));
  return { admission, changes };
}

const never = new AbortController().signal;
/** Whether a promise has settled, after all that was due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise(setImmediate);
  return settled;
}

test("lets many in side by side", () => {
  const { admission, changes } = door();
  expect([admission.enter(), admission.enter(), admission.enter()]).toEqual([true, true, true]);
  expect(changes).toEqual([]);
});

test("lets nobody in while the engine is away", () => {
  const { admission, changes } = door();
  admission.setEngineUp(false);
  expect(admission.enter()).toBe(false);
  admission.setEngineUp(true);
  expect(admission.enter()).toBe(true);
  expect(changes).toEqual([false, true]);
});

test("a suspect waits for those inside, keeps everybody out, and opens the door when it is through", async () => {
  const { admission, changes } = door();
  admission.enter();
  admission.enter();
  const alone = admission.becomeAlone(never);
  expect(admission.enter()).toBe(false);
  expect(await isSettled(alone)).toBe(false);
  admission.leave();
  expect(await alone).toBe(true);
  expect(admission.enter()).toBe(false);
  admission.leaveAlone();
  expect(admission.enter()).toBe(true);
  expect(changes).toEqual([false, true]);
});

test("two suspects go one after the other", async () => {
  const { admission, changes } = door();
  admission.enter();
  admission.enter();
  const [first, second] = [admission.becomeAlone(never), admission.becomeAlone(never)];
  expect(await first).toBe(true);
  expect(await isSettled(second)).toBe(false);
  admission.leaveAlone();
  expect(await second).toBe(true);
  admission.leaveAlone();
  expect(changes).toEqual([false, true]);
});

test("a suspect that is stopped while it waits holds nothing and opens the door", async () => {
  const { admission, changes } = door();
  admission.enter();
  admission.enter();
  const stop = new AbortController();
  const alone = admission.becomeAlone(stop.signal);
  stop.abort();
  expect(await alone).toBe(false);
  expect(admission.enter()).toBe(true);
  expect(changes).toEqual([false, true]);
});

test("a stop that came before the turn was asked for is not lost; one that comes after it changes nothing here", async () => {
  const { admission } = door();
  admission.enter();
  admission.enter();
  expect(await admission.becomeAlone(AbortSignal.abort())).toBe(false);
  admission.leave();
  expect(admission.enter()).toBe(true);
  const stop = new AbortController();
  const alone = admission.becomeAlone(stop.signal);
  stop.abort();
  expect(await alone).toBe(true);
});
