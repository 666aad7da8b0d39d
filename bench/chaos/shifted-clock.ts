import { readFileSync } from "node:fs";

/** The file that says by how many milliseconds the clock of a process is wrong; it is read at SIGUSR2. */
export const CLOCK_FILE = "LLAMERO_CHAOS_CLOCK";

/** To be imported before anything else by a process whose clock is to jump. Timers and Redis keep the right time. */
const file = process.env[CLOCK_FILE];
if (file !== undefined) {
  let wrongByMs = 0;
  const RightDate = Date;
  const now = () => RightDate.now() + wrongByMs;
  globalThis.Date = new Proxy(RightDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    get: (target, name, receiver) => (name === "now" ? now : Reflect.get(target, name, receiver)),
  });
  process.on("SIGUSR2", () => {
    wrongByMs = Number(readFileSync(file, "utf8"));
  });
}
