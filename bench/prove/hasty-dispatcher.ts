import { main } from "@llamero/dispatcher/main";
import { nextAttempt } from "@llamero/webhooks";

const HASTE = 10_000;
/** The step of the schedule that goes on for ever: what comes after it is too long even in haste, and none is to be given up. */
const LAST_STEP = 5;

/** A dispatcher whose schedule is ten thousand times as fast and has no end: 0.5 ms, 30 ms, 180 ms, 720 ms, then 1.8 s. */
await main(process.env, {
  plan: (made) => {
    const next = nextAttempt({ ...made, attempt: Math.min(made.attempt, LAST_STEP) });
    return next.next === "retry" ? { ...next, delayMs: next.delayMs / HASTE } : next;
  },
});
