import type { BenchJob, Course, JobTrace } from "./contestant.ts";

/** `load` comes first and once. */
export type ToPlainChild = { type: "load"; course: Course } | { type: "run"; job: BenchJob };
export type FromPlainChild = { type: "ready" } | { type: "done"; id: string; trace: JobTrace };
