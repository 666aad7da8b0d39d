import { z } from "zod";
import type { Setting } from "./setting.ts";
import { decimal, gpuList, integer } from "./setting-schemas.ts";

/** How a worker runs its models. */
export const engineSettings = {
  LLAMERO_GPU: {
    schema: z
      .enum(["auto", "cuda", "metal", "vulkan", "false"])
      .transform((value) => (value === "false" ? (false as const) : value))
      .default("auto"),
    allowed: "one of auto, cuda, metal, vulkan, false",
    description: "GPU backend. A named one that is missing is an error; `auto` falls back to the CPU; `false` is the CPU.",
    readBy: ["worker"],
  },
  LLAMERO_GPUS: {
    schema: gpuList().optional(),
    allowed: "all, or comma-separated indices of CUDA GPUs as nvidia-smi lists them",
    description:
      "CUDA GPUs that `llamero worker` starts a worker process for, each pinned to one: `all` or indices, comma-separated; " +
      "`--gpus` says the same. One that is missing is an error.",
    readBy: ["worker"],
    defaultNote: "one worker, on all that it sees",
  },
  LLAMERO_MEMORY_GB: {
    schema: decimal(0.01, 1_000_000).optional(),
    allowed: "a number from 0.01 to 1000000",
    description:
      "Memory that the models of a worker share, in GB (10⁹ bytes): the GPU's, or RAM on the CPU. Models that do not fit together " +
      "take turns, by the jobs that wait.",
    readBy: ["worker"],
    defaultNote: "what is free on the GPU; on the CPU 80 % of the free RAM",
  },
  LLAMERO_SLOTS: {
    schema: integer(1, 256).optional(),
    allowed: "an integer from 1 to 256",
    description: "Jobs that one model runs at the same time.",
    readBy: ["worker"],
    defaultNote: "measured at the first start",
  },
  LLAMERO_CONTEXT: {
    schema: integer(64, 1_048_576).optional(),
    allowed: "an integer from 64 to 1048576",
    description: "Context length of a slot, in tokens.",
    readBy: ["worker"],
    defaultNote: "chosen per model",
  },
  LLAMERO_THREADS: {
    schema: integer(1, 1024).optional(),
    allowed: "an integer from 1 to 1024",
    description: "Threads that decode, per parallel context.",
    readBy: ["worker"],
    defaultNote: "measured at the first start",
  },
  LLAMERO_BATCH: {
    schema: integer(32, 65_536).optional(),
    allowed: "an integer from 32 to 65536",
    description: "Tokens that one step computes at most: less lets those that decode wait less for long prompts.",
    readBy: ["worker"],
    defaultNote: "512; on a CPU measured at the first start",
  },
  LLAMERO_PARALLEL_CONTEXTS: {
    schema: integer(1, 16).optional(),
    allowed: "an integer from 1 to 16",
    description: "Contexts that the slots of a model are spread over, so that one decodes while another samples.",
    readBy: ["worker"],
    defaultNote: "measured at the first start",
  },
  LLAMERO_SESSION_SECONDS: {
    schema: decimal(1, 86_400).default(600),
    allowed: "a number from 1 to 86400",
    description:
      "Seconds after a turn of a session for which its slot is not given to others while there is another slot: the next turn finds " +
      "its conversation in the cache.",
    readBy: ["worker"],
  },
  LLAMERO_PREFIX_AWARE: {
    schema: z
      .enum(["true", "false"])
      .transform((value) => value === "true")
      .default(true),
    allowed: "true or false",
    description:
      "Whether a worker takes, of the jobs that are its turn, those whose beginning it has in its cache, and leaves others to the workers " +
      "that have theirs. `false`: it takes jobs as they come.",
    readBy: ["worker"],
  },
  LLAMERO_ENGINE_SILENT_SECONDS: {
    schema: decimal(2, 3600).default(10),
    allowed: "a number from 2 to 3600",
    description: "Seconds of silence after which an engine process is taken for hung and replaced.",
    readBy: ["worker"],
  },
  LLAMERO_ENGINE_STUCK_SECONDS: {
    schema: decimal(2, 86_400).default(60),
    allowed: "a number from 2 to 86400",
    description:
      "Seconds without a finished step, while jobs run, after which an engine process is replaced. Longer than one step.",
    readBy: ["worker"],
  },
} as const satisfies Record<string, Setting>;
