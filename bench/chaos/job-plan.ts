import { type Random, seededRandom } from "@llamero/testkit";

const NAMES = ["Tom", "Anna", "Maria", "John", "Lucy", "Ben", "Emma", "Paul"] as const;
const THINGS = ["lamp", "letter", "ring", "kettle", "map", "bell", "lantern", "drum"] as const;
const orderSchema = {
  type: "object",
  properties: { name: { type: "string", maxLength: 12 }, quantity: { type: "integer", minimum: 0, maximum: 99 } },
  required: ["name", "quantity"],
  additionalProperties: false,
};
const greedy = { temperature: 0, seed: 7 } as const;

export type Kind = keyof typeof kinds;
export type Body = Record<string, unknown>;

interface KindRow {
  /** Of all jobs. */
  share: number;
  /** Tokens of a job that ends by `length`; null: it ends earlier, or has none. */
  tokens: number | null;
  body: (name: string, thing: string) => Body;
}

/** What is asked for, in bodies of which each has one answer. */
export const kinds = {
  chat: {
    share: 0.2,
    tokens: null,
    body: (name, thing) => ({
      messages: [{ role: "user", content: `Classify the sentiment: ${name} says that the ${thing} never worked.` }],
      params: { ...greedy, max_tokens: 16 },
    }),
  },
  schema: {
    share: 0.15,
    tokens: null,
    body: (name, thing) => ({
      prompt: `Extract name, city, quantity and item as JSON: ${name} from Oslo ordered 3 ${thing}s.`,
      params: {
        ...greedy,
        max_tokens: 60,
        response_format: { type: "json_schema", json_schema: { name: "order", schema: orderSchema } },
      },
    }),
  },
  grammar: {
    share: 0.1,
    tokens: null,
    body: (name, thing) => ({
      prompt: `Does ${name} own the ${thing}?`,
      params: { ...greedy, max_tokens: 8, grammar: 'root ::= "yes" | "no"' },
    }),
  },
  completion: {
    share: 0.27,
    tokens: 12,
    body: (name, thing) => ({
      type: "completion",
      prompt: `Once ${name} found a ${thing} and`,
      params: { ...greedy, max_tokens: 12, ignore_eos: true },
    }),
  },
  story: {
    share: 0.02,
    tokens: 250,
    body: (name, thing) => ({
      prompt: `Write a short story about ${name} and a ${thing}.`,
      params: { ...greedy, max_tokens: 250, ignore_eos: true },
    }),
  },
  embedding: {
    share: 0.26,
    tokens: null,
    body: (name, thing) => ({ input: [`${name} has a ${thing}.`, `${thing}s are for ${name}`] }),
  },
} as const satisfies Record<string, KindRow>;

/** Shares of the jobs that something more is done with. */
const DELAYED = 0.05;
const SHORT_OF_TIME = 0.03;
const CANCELLED = 0.05;
const FOLLOWED = 0.05;
/** One job in so many is a turn of a session, of so many sessions: more than there are slots. */
const SESSION_EVERY = 3;
const SESSIONS = 32;
const LONGEST_DELAY_MS = 2_000;
const LONGEST_SHORT_MS = 400;
const LONGEST_UNTIL_CANCEL_MS = 1_000;
/** No job waits for so long in a run that is in order. */
const FAR_DEADLINE_MS = 3_600_000;

/** One job that is going to be submitted, and what its client will do with it. */
export interface PlannedJob {
  index: number;
  kind: Kind;
  /** Says which bodies have the same answer. */
  body: Body;
  timing: { delay_ms?: number; deadline_ms?: number };
  /** Jobs of one session go to the same worker, while there is one. */
  session: { session_id?: string };
  /** Null: it is left to end. */
  cancelAfterMs: number | null;
  isFollowed: boolean;
}

function kindAt(share: number): Kind {
  let left = share;
  for (const [kind, row] of Object.entries(kinds) as [Kind, KindRow][]) {
    left -= row.share;
    if (left < 0) return kind;
  }
  return "embedding";
}

function timingOf(random: Random): PlannedJob["timing"] {
  if (random.chance(DELAYED)) return { delay_ms: 1 + random.below(LONGEST_DELAY_MS), deadline_ms: FAR_DEADLINE_MS };
  if (random.chance(SHORT_OF_TIME)) return { deadline_ms: 1 + random.below(LONGEST_SHORT_MS) };
  return random.chance(0.5) ? { deadline_ms: FAR_DEADLINE_MS } : {};
}

export type Subject = readonly [name: string, thing: string];

/** What the jobs of a run are about. @param count 64 at most */
export function subjectsOf(count: number): [Subject, ...Subject[]] {
  const [first = ["Tom", "lamp"], ...others] = NAMES.flatMap((name) => THINGS.map((thing): Subject => [name, thing]));
  return [first, ...others.slice(0, count - 1)];
}

/** The jobs of a run; the same ones for the same seed. */
export function planJobs(seed: number, count: number, subjects: [Subject, ...Subject[]]): PlannedJob[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const kind = kindAt(random.next());
    return {
      index,
      kind,
      body: kinds[kind].body(...random.pick(subjects)),
      timing: timingOf(random),
      session: kind === "embedding" || index % SESSION_EVERY > 0 ? {} : { session_id: `talk-${index % SESSIONS}` },
      cancelAfterMs: random.chance(CANCELLED) ? random.below(LONGEST_UNTIL_CANCEL_MS) : null,
      isFollowed: kind === "story" || random.chance(FOLLOWED),
    };
  });
}

/** Bodies that are answered by a text, of which each stands for one. */
export function generatingBodies(subjects: readonly Subject[]): Body[] {
  const generating = (Object.keys(kinds) as Kind[]).filter((kind) => kind !== "embedding");
  return generating.flatMap((kind) => subjects.map((subject) => kinds[kind].body(...subject)));
}
