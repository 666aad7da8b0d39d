import { AppError } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";

/** Bounds of a weight: far enough apart for any share, near enough that virtual time stays exact to the token. */
export const LEAST_WEIGHT = 0.01;
export const MOST_WEIGHT = 1_000;

/** Sets an owner's part of the slots, as against 1 of those who have none set; null takes it back. Holds from the next feed on. */
export async function setWeight(redis: Redis, keys: Keys, owner: string, weight: number | null): Promise<void> {
  if (weight === null) await redis.hdel(keys.weights, owner);
  else if (weight >= LEAST_WEIGHT && weight <= MOST_WEIGHT) await redis.hset(keys.weights, owner, weight);
  else throw new AppError("invalid_request", `A weight is from ${LEAST_WEIGHT} to ${MOST_WEIGHT}.`, { param: "weight" });
}
