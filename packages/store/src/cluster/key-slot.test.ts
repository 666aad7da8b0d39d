import { expect, test } from "vitest";
import { keySlot } from "./key-slot.ts";

// The first is the specification's own example, the others are what CLUSTER KEYSLOT answers.
test.each([
  ["123456789", 0x31c3],
  ["c0", 10_282],
  ["", 0],
  ["ü", 9_552],
])("the slot of %j is %i", (tag, slot) => {
  expect(keySlot(tag)).toBe(slot);
});
