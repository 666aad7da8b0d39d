import { expect, test } from "vitest";
import { heldBytes } from "./free-memory.ts";

test("counts what a control group holds for good, and no file pages", () => {
  expect(heldBytes("anon 100\nfile 9000\nkernel_stack 10\npagetables 5\nshmem 1\ninactive_file 9000\n")).toBe(116);
});

test("counts nothing where the kernel tells nothing", () => {
  expect(heldBytes("")).toBe(0);
});
