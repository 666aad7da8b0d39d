import type { GpuChoice } from "@llamero/engine";
import type { ProofOptions } from "../prove/report.ts";

/** What a proof of the engine is run with besides a proof's own options. */
export interface EngineProofOptions extends ProofOptions {
  /** A preset's name, `tiny` or a path; each proof has its own default. */
  model?: string;
  gpu?: GpuChoice;
  threads?: number | null;
  contexts?: number | null;
}

/** The engine alone needs no Redis. */
export const NO_REDIS = "none";
