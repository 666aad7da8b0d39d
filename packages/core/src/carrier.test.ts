import { expect, test } from "vitest";
import { carrierId, carrierSchema, readCarrierId } from "./carrier.ts";

const carrier = { v: 1 as const, job_id: "job_01kaeq4y3c00d5t6v8m2r4q7zn", run: 3 };

test("the same feed of a job has one carrier id, the next feed another", () => {
  expect(carrierId(carrier)).toBe("job_01kaeq4y3c00d5t6v8m2r4q7zn-3");
  expect(carrierId({ ...carrier })).toBe(carrierId(carrier));
  expect(carrierId({ ...carrier, run: 4 })).not.toBe(carrierId(carrier));
  expect(readCarrierId(carrierId(carrier))).toEqual({ job_id: carrier.job_id, run: carrier.run });
});

test("a carrier id is one that BullMQ takes: no colon, not a number", () => {
  expect(carrierId(carrier)).toMatch(/^[a-z0-9_-]+$/);
  expect(Number.isNaN(Number(carrierId(carrier)))).toBe(true);
});

test.each([
  ["another version", { ...carrier, v: 2 }],
  ["run 0", { ...carrier, run: 0 }],
  ["half a run", { ...carrier, run: 1.5 }],
  ["no job", { v: 1, run: 1 }],
  ["nothing", null],
])("refuses a carrier with %s", (_name, value) => {
  expect(carrierSchema.safeParse(carrier).success).toBe(true);
  expect(carrierSchema.safeParse(value).success).toBe(false);
});
