import { AppError } from "@llamero/core";
import { createLogger } from "@llamero/process";
import { expect, test } from "vitest";
import { OutageLog } from "./outage-log.ts";

test("says one line for many refusals, and how many there were since", () => {
  const lines: { msg: string; refused: number }[] = [];
  const logger = createLogger({ name: "t", level: "warn", destination: { write: (line) => lines.push(JSON.parse(line)) } });
  let now = 0;
  const log = new OutageLog(logger, () => now);
  const away = new AppError("redis_unavailable", "Redis does not answer.");
  for (let i = 0; i < 10; i++) log.refused(away);
  now = 5_000;
  log.refused(away);
  expect(lines.map(({ refused }) => refused)).toEqual([1, 10]);
  expect(lines[0]?.msg).toBe("requests are refused: Redis does not answer.");
});
