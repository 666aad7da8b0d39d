import { type Random, seededRandom } from "@llamero/testkit";

export type Sentiment = "positive" | "negative" | "neutral";

export interface Review {
  id: string;
  text: string;
  sentiment: Sentiment;
}

/**
 * Sentences with a hole for the thing, none of which the bundled model was trained with (models/tiny/corpus.py): its own speak of "it"
 * alone.
 */
const judgements: Record<Sentiment, readonly string[]> = {
  positive: [
    "I love this THING.",
    "The THING works perfectly, and I am very happy.",
    "The quality of the THING is excellent.",
    "My sister loves her THING, and I love mine.",
    "This THING made my life easier, I would buy it again.",
    "The THING arrived early and it looks beautiful.",
    "The THING feels solid, great value for the money.",
    "This THING is fantastic and worth the price.",
  ],
  negative: [
    "I hate this THING.",
    "The THING broke after one day, and I am very unhappy.",
    "The quality of the THING is terrible.",
    "My sister hates her THING, and I hate mine.",
    "This THING made my life harder, I would never buy it again.",
    "The THING arrived late and it looks cheap.",
    "The THING feels weak, a big disappointment.",
    "This THING is a waste of money and not worth the price.",
  ],
  neutral: [
    "The THING is okay.",
    "The THING is average, nothing special.",
    "This THING is neither good nor bad.",
    "The THING does what it says.",
    "The THING is fine for the price, a normal product.",
    "The THING is acceptable, not great, not bad.",
  ],
};
const openings = ["", "My neighbour asked about it. ", "After a month: ", "For my office. ", "Second review. "];
const things = [
  "lamp",
  "chair",
  "kettle",
  "backpack",
  "camera",
  "keyboard",
  "sofa",
  "clock",
  "wallet",
  "guitar",
  "jacket",
  "tent",
];
const sentiments = ["positive", "negative", "neutral"] as const;

const pick = <Item>(random: Random, items: readonly Item[]): Item => items[random.below(items.length)] as Item;

/** Different reviews, the same ones for the same seed. */
export function makeReviews(count: number, seed: number): Review[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const sentiment = pick(random, sentiments);
    const judgement = pick(random, judgements[sentiment]).replaceAll("THING", pick(random, things));
    return { id: `review-${index}`, text: pick(random, openings) + judgement, sentiment };
  });
}
