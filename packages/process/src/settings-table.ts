import { logLevels, reuseModes } from "@llamero/core";
import { z } from "zod";
import { engineSettings } from "./engine-settings.ts";
import { processNames, type Setting } from "./setting.ts";
import { apiKeys, commaList, decimal, headerPairs, integer, webhookSecrets } from "./setting-schemas.ts";

const everyProcess = processNames;

/** Every environment variable, once. Schemas, error messages and the README's table are all derived from here. */
export const table = {
  HOST: {
    schema: z.string().default("127.0.0.1"),
    allowed: "an address or host name to listen on",
    description: "Address that the API listens on. A public one needs `LLAMERO_API_KEYS` or keys made by `llamero keys create`.",
    readBy: ["api", "cli"],
  },
  PORT: {
    schema: integer(0, 65_535).default(3000),
    allowed: "an integer from 0 to 65535 (0 picks a free port)",
    description: "Port that the API listens on.",
    readBy: ["api", "cli"],
  },
  LLAMERO_GRPC_PORT: {
    schema: integer(0, 65_535).optional(),
    allowed: "an integer from 0 to 65535 (0 picks a free port)",
    description: "Port for gRPC, gRPC-Web and Connect, on `HOST` too; see [docs/grpc.md](docs/grpc.md).",
    readBy: ["api"],
    defaultNote: "no gRPC",
  },
  REDIS_URL: {
    schema: z
      .string()
      .regex(/^(rediss?:\/\/.+|unix:\/\/\/.+|sentinel:\/\/[^/]+\/[^/]+(\/\d+)?|clusters?:\/\/[^/]+\/?)$/)
      .default("redis://127.0.0.1:6379"),
    allowed:
      "redis://host:port, rediss://host:port, unix:///path/to/redis.sock, sentinel://host:port,host:port/name or " +
      "cluster://host:port,host:port",
    description:
      "Redis or Valkey, 7.0 or newer; `rediss://` speaks TLS, `sentinel://host:26379,host2:26379/name` asks Sentinels for it, " +
      "`cluster://host:6379,host2:6379` the nodes of a Redis Cluster (`docs/operations.md`). `llamero dev` starts its own when this " +
      "is not set.",
    readBy: everyProcess,
    secret: true,
  },
  LLAMERO_REDIS_WAIT_REPLICAS: {
    schema: integer(0, 16).default(0),
    allowed: "an integer from 0 to 16",
    description:
      "Replicas of Redis that must have a job before it counts as accepted. What they do not confirm within a second is answered 503.",
    readBy: ["api"],
  },
  LLAMERO_MAX_WAITING: {
    schema: integer(1, 100_000_000).default(1_000_000),
    allowed: "an integer from 1 to 100000000",
    description:
      "Jobs that may wait for one model. Beyond that the API answers 429, and `Retry-After` says when there may be room; batches wait.",
    readBy: ["api", "dispatcher"],
  },
  LLAMERO_REUSE: {
    schema: z.enum(reuseModes).default("all"),
    allowed: `one of ${reuseModes.join(", ")}`,
    description:
      "Which requests that draw nothing at random are answered by what the same model has answered to the same request: `all`, but for " +
      "those with `reuse: false`; `asked`, those with `reuse: true`; `off`. See `docs/reuse.md`.",
    readBy: ["api", "dispatcher"],
  },
  LLAMERO_ANSWER_SECONDS: {
    schema: decimal(0.1, 86_400).default(600),
    allowed: "a number from 0.1 to 86400",
    description:
      "Longest that a call in OpenAI's form waits for its answer. Then its jobs are cancelled, and it is answered 408. As long as " +
      "OpenAI's client waits by itself.",
    readBy: ["api"],
  },
  DATA_DIR: {
    schema: z.string().default(".data"),
    allowed: "a folder",
    description:
      "Folder for what is kept on this machine: the Redis data of `llamero dev`, a worker's measurements, files and what batches write.",
    readBy: everyProcess,
  },
  LLAMERO_STORAGE: {
    schema: z
      .string()
      .regex(/^(s3:\/\/[^/]+(\/.*)?|(?![a-z][a-z0-9+.-]*:\/\/).+)$/)
      .optional(),
    allowed: "a folder, or s3://bucket/folder",
    description:
      "Where files and what batches write are kept: a folder that the API and all dispatchers see, or `s3://bucket/folder` on an " +
      "S3-compatible server, found by the AWS SDK's own variables (`AWS_ENDPOINT_URL_S3`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, …).",
    readBy: ["api", "dispatcher"],
    defaultNote: "`files` in `DATA_DIR`",
  },
  LLAMERO_MAX_FILE_BYTES: {
    schema: integer(1024, 1_099_511_627_776).default(2_147_483_648),
    allowed: "an integer from 1024 to 1099511627776",
    description: "Largest file that can be uploaded, in bytes.",
    readBy: ["api"],
  },
  MODELS_DIR: {
    schema: z.string().default("models"),
    allowed: "a folder",
    description: "Folder that downloaded models go to and that model names are looked up in.",
    readBy: ["worker"],
  },
  LLAMERO_MODELS: {
    schema: commaList().default(["models/tiny/tiny.gguf"]),
    allowed:
      "a comma-separated list of GGUF files, folders or hf:owner/repo:quant, each with +name=adapter.gguf for a LoRA adapter, or of " +
      "name=https://server/v1",
    description:
      "Models to serve: GGUF files, folders of them, or `hf:owner/repo:quant`, comma-separated; LoRA adapters behind their base: " +
      "`model.gguf+name=adapter.gguf`; those of another server: `name=https://server/v1?model=…` ([routing](docs/routing.md)).",
    readBy: ["worker"],
  },
  LLAMERO_API_KEYS: {
    schema: apiKeys().default([]),
    allowed: "comma-separated owner:key pairs, owners of letters, digits, - and _, keys of 8 characters or more",
    description: "API keys besides those in the store, as comma-separated `owner:key`.",
    readBy: ["api"],
    secret: true,
  },
  LOG_LEVEL: {
    schema: z.enum(logLevels).default("info"),
    allowed: `one of ${logLevels.join(", ")}`,
    description: "Least severe level that is logged.",
    readBy: everyProcess,
  },
  ...engineSettings,
  LLAMERO_HOOKS: {
    schema: z.string().optional(),
    allowed: "a TypeScript or JavaScript module",
    description: "Module with an operator's own checks and changes of jobs, the same for all processes ([hooks](docs/hooks.md)).",
    readBy: ["api", "worker", "dispatcher"],
    defaultNote: "none",
  },
  LLAMERO_HOOK_SECONDS: {
    schema: decimal(0.01, 3600).default(5),
    allowed: "a number from 0.01 to 3600",
    description: "Seconds that a hook may take; then it counts as failed.",
    readBy: ["api", "worker", "dispatcher"],
  },
  LLAMERO_RETENTION_HOURS: {
    schema: decimal(0.01, 87_600).default(168),
    allowed: "a number from 0.01 to 87600",
    description: "Hours that a finished job is kept.",
    readBy: ["dispatcher"],
  },
  LLAMERO_MAX_BODY_BYTES: {
    schema: integer(1024, 1_073_741_824).default(10_485_760),
    allowed: "an integer from 1024 to 1073741824",
    description: "Largest request body that the API takes, and longest line of a batch, in bytes.",
    readBy: ["api", "dispatcher"],
  },
  LLAMERO_WEBHOOK_SECRET: {
    schema: webhookSecrets().default([]),
    allowed:
      "whsec_ and the base64 of 24 to 64 random bytes, for example of openssl rand -base64 32; to rotate, up to 4 different ones " +
      "with commas between, the newest first",
    description:
      "Signs the webhooks of jobs that bring no secret of their own: `whsec_` and the base64 of 24 to 64 random bytes. While you " +
      "rotate it, the new one and the old one, comma-separated: both sign.",
    readBy: ["api", "dispatcher"],
    defaultNote: "such jobs are refused",
    secret: true,
  },
  LLAMERO_WEBHOOK_ALLOW: {
    schema: commaList().default([]),
    allowed: "a comma-separated list of address ranges, as in 10.0.0.0/8,fd00::/8",
    description: "Ranges of addresses that webhooks may reach besides public ones, at every port, comma-separated.",
    readBy: ["api", "dispatcher"],
  },
  LLAMERO_WEBHOOK_HTTP: {
    schema: z
      .enum(["true", "false"])
      .transform((value) => value === "true")
      .default(false),
    allowed: "true or false",
    description: "Permits webhook URLs that begin with `http://`.",
    readBy: ["api", "dispatcher"],
  },
  LLAMERO_WEBHOOK_PORTS: {
    schema: commaList()
      .pipe(z.array(integer(1, 65_535)))
      .default([443, 8443, 80, 8080]),
    allowed: "a comma-separated list of ports",
    description: "Ports at which webhooks may reach public addresses, comma-separated.",
    readBy: ["api", "dispatcher"],
  },
  LLAMERO_OPS_PORT: {
    schema: integer(0, 65_535).optional(),
    allowed: "an integer from 0 to 65535 (0 picks a free port)",
    description:
      "Port for `/livez`, `/readyz` and `/metrics` of each process ([operations](docs/operations.md)). `llamero dev` gives it to the API, " +
      "the next one to the dispatcher, and the one after that to the worker; with `--gpus`, each worker has the next one.",
    readBy: ["api", "worker", "dispatcher"],
    defaultNote: "none",
  },
  LLAMERO_OPS_HOST: {
    schema: z.string().default("127.0.0.1"),
    allowed: "an address or host name to listen on",
    description: "Address that `LLAMERO_OPS_PORT` is listened on. Whoever reaches it sees the metrics.",
    readBy: ["api", "worker", "dispatcher"],
  },
  LLAMERO_PROFILING_TOKEN: {
    schema: z.string().min(16).optional(),
    allowed: "a secret of 16 characters or more",
    description:
      "Opens `/debug/cpu-profile` and `/debug/heap-snapshot` at `LLAMERO_OPS_PORT` to who sends it as a bearer token. A snapshot " +
      "holds prompts and keys.",
    readBy: ["api", "worker", "dispatcher"],
    defaultNote: "no profiling",
    secret: true,
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: z
      .string()
      .regex(/^https?:\/\/.+$/)
      .optional(),
    allowed: "a URL that begins with http:// or https://",
    description:
      "Where traces go: a collector that takes OTLP over HTTP, as `http://127.0.0.1:4318` ([operations](docs/operations.md#traces)).",
    readBy: ["api", "worker", "dispatcher"],
    defaultNote: "no traces",
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    schema: headerPairs().default({}),
    allowed: "comma-separated name=value pairs",
    description: "Headers that the collector wants, as `authorization=Bearer%20…`, comma-separated.",
    readBy: ["api", "worker", "dispatcher"],
    defaultNote: "none",
    secret: true,
  },
  LLAMERO_TRACE_RATIO: {
    schema: decimal(0, 1).default(1),
    allowed: "a number from 0 to 1",
    description: "The part of traces that begin here which is kept; callers who send `traceparent` decide themselves.",
    readBy: ["api", "worker", "dispatcher"],
  },
  LLAMERO_DRAIN_SECONDS: {
    schema: decimal(0, 3600).default(0),
    allowed: "a number from 0 to 3600",
    description:
      "Seconds for which an API that is told to stop goes on serving while `/readyz` says no, so that a balancer sends it nothing new and " +
      "what is under way ends. Part of `LLAMERO_STOP_SECONDS`.",
    readBy: ["api"],
  },
  LLAMERO_STOP_SECONDS: {
    schema: decimal(0.01, 3600).default(8),
    allowed: "a number from 0.01 to 3600",
    description: "Seconds that a process may take to finish up when it is told to stop.",
    readBy: everyProcess,
  },
  LLAMERO_PREFIX: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,32}$/)
      .default("llamero"),
    allowed: "1 to 32 letters, digits, - or _",
    description: "Prefix of every Redis key, so that several deployments can share one Redis.",
    readBy: everyProcess,
  },
} as const satisfies Record<string, Setting>;
