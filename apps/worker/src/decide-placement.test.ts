import { expect, test } from "vitest";
import { CLAIM_AFTER_MS, decidePlacement, MIN_STAY_MS, type PlacedView, SPREAD_AFTER_MS } from "./decide-placement.ts";

const NOW = 1_000_000;
const LONG_AGO = NOW - 10 * MIN_STAY_MS;

function model(name: string, over: Partial<PlacedView>): PlacedView {
  const times = { lastUsedAtMs: LONG_AGO, placedAtMs: LONG_AGO, loadTookMs: 0, retryAtMs: 0 };
  return { name, state: "unloaded", sizeBytes: 1, inHand: 0, waitingMs: null, isElsewhere: false, ...times, ...over };
}
const ready = (name: string, over: Partial<PlacedView> = {}) => model(name, { state: "ready", ...over });
const busy = (name: string, over: Partial<PlacedView> = {}) => ready(name, { inHand: 1, waitingMs: 10, ...over });
const wanted = (name: string, waitingMs: number, over: Partial<PlacedView> = {}) => model(name, { waitingMs, ...over });

const cases: [string, PlacedView[], number, ReturnType<typeof decidePlacement>][] = [
  ["fills room in the order given", [ready("a"), model("b", {}), model("c", {})], 2, { load: "b" }],
  ["fills with what fits", [ready("a"), model("b", { sizeBytes: 2 }), model("c", {})], 2, { load: "c" }],
  ["is content when everything is loaded", [ready("a"), busy("b")], 2, null],
  ["never removes anything for a model that nobody waits for", [ready("a"), model("b", {})], 1, null],
  ["loads what is wanted before what is not", [model("a", {}), wanted("b", 5)], 1, { load: "b" }],
  ["loads what has waited longest", [wanted("a", 5), wanted("b", 6)], 1, { load: "b" }],
  [
    "makes room by what was used least recently",
    [ready("a", { lastUsedAtMs: NOW - 2 }), ready("b", { lastUsedAtMs: NOW - 3 }), wanted("c", 5)],
    2,
    { unload: "b", toMakeRoomFor: "c" },
  ],
  ["never removes what is in use for what has just come", [busy("a"), wanted("b", CLAIM_AFTER_MS - 1)], 1, null],
  ["waiting jobs are use", [ready("a", { waitingMs: 0 }), wanted("b", 5)], 1, null],
  ["running jobs are use", [ready("a", { inHand: 1 }), wanted("b", 5)], 1, null],
  [
    "leaves what could not make enough room",
    [ready("a"), busy("b", { sizeBytes: 2 }), wanted("c", 5, { sizeBytes: 3 })],
    3,
    null,
  ],
  [
    "removes no more than it has to",
    [ready("a", { lastUsedAtMs: NOW - 9 }), ready("b", { sizeBytes: 3 }), wanted("c", 5, { sizeBytes: 3 })],
    4,
    { unload: "b", toMakeRoomFor: "c" },
  ],
  [
    "an idle model stays as long as it took to load",
    [ready("a", { placedAtMs: NOW - 5, loadTookMs: 6 }), wanted("b", 9)],
    1,
    null,
  ],
  ["waits for what is leaving", [model("a", { state: "draining" }), ready("b"), wanted("c", 5)], 2, null],
  [
    "keeps the room that is coming for the one it comes for",
    [model("a", { state: "draining" }), wanted("b", 9, { sizeBytes: 2 }), wanted("c", 5)],
    2,
    null,
  ],
  ["after a while takes a place from the busy", [busy("a"), wanted("b", CLAIM_AFTER_MS)], 1, { unload: "a", toMakeRoomFor: "b" }],
  [
    "takes it from the one that has had it longest",
    [busy("a", { placedAtMs: NOW - MIN_STAY_MS }), busy("b", { placedAtMs: NOW - MIN_STAY_MS - 1 }), wanted("c", CLAIM_AFTER_MS)],
    2,
    { unload: "b", toMakeRoomFor: "c" },
  ],
  ["but not too soon", [busy("a", { placedAtMs: NOW - MIN_STAY_MS + 1 }), wanted("b", 2 * CLAIM_AFTER_MS)], 1, null],
  [
    "until the one that waits too long is in, others stay out",
    [busy("a", { placedAtMs: NOW - 1 }), wanted("b", CLAIM_AFTER_MS, { sizeBytes: 2 }), wanted("c", 5)],
    2,
    null,
  ],
  [
    "counts no waiting from before a model gave up its place",
    [busy("a"), wanted("b", 10 * CLAIM_AFTER_MS, { placedAtMs: NOW - 5 })],
    1,
    null,
  ],
  ["leaves a failed model alone for a while", [model("a", { state: "failed", waitingMs: 5, retryAtMs: NOW + 1 })], 1, null],
  ["tries a failed model again", [model("a", { state: "failed", waitingMs: 5, retryAtMs: NOW })], 1, { load: "a" }],
  ["a model whose engine is being replaced keeps its place", [busy("a", { state: "loading" }), wanted("b", 5)], 1, null],
  ["leaves to another worker what that one has", [ready("a"), wanted("b", SPREAD_AFTER_MS - 1, { isElsewhere: true })], 1, null],
  [
    "helps another worker that does not keep up",
    [ready("a"), wanted("b", SPREAD_AFTER_MS, { isElsewhere: true })],
    1,
    { unload: "a", toMakeRoomFor: "b" },
  ],
  ["but takes no place from the busy for it", [busy("a"), wanted("b", 2 * CLAIM_AFTER_MS, { isElsewhere: true })], 1, null],
];

test.each(cases)("%s", (_name, models, budget, expected) => {
  expect(decidePlacement(models, budget, NOW)).toEqual(expected);
});
