import { AppError } from "@llamero/core";
import type { LoadedHooks, Logger } from "@llamero/process";
import type { Carriers } from "@llamero/queue";
import type { Storage } from "@llamero/storage";
import type { BatchClaim, SettingsWatch, Store, StoredBatch } from "@llamero/store";
import type { LineBatch } from "./read-line.ts";

/** What batches are moved on with. */
export interface BatchTools {
  store: Store;
  storage: Storage;
  carriers: Pick<Carriers, "add">;
  settings: Pick<SettingsWatch, "current">;
  hooks: Pick<LoadedHooks, "beforeAccept">;
  logger: Logger;
  /** Longest line of an input, in bytes. */
  maxLineBytes: number;
}

/** A batch in the hands of this dispatcher. */
export interface Held extends BatchTools {
  claim: BatchClaim;
  batch: StoredBatch & LineBatch;
  /** Aborts when the batch is somebody else's by now, or this dispatcher stops. */
  signal: AbortSignal;
}

/** Somebody else holds the batch, or this dispatcher stops: what is under way is left as it is. */
export class LetGo extends Error {}

/** @throws LetGo */
export function stillHeld(isHeld: boolean): void {
  if (!isHeld) throw new LetGo();
}

/** Something outside is in the way: the batch waits, and its owner can read why. */
export class InTheWay extends Error {
  readonly reason: string;
  readonly retryAfterMs: number;

  constructor(reason: string, retryAfterMs: number) {
    super(reason);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What a capacity error says to the owner of a batch that cannot go on for it; null for any other error. */
export function reasonOf(error: unknown): string | null {
  if (error instanceof InTheWay) return error.reason;
  if (!(error instanceof AppError)) return null;
  return error.kind === "capacity" || error.code === "storage_object_missing" ? error.message : null;
}
