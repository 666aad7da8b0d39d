import { AppError, type ModelEntry, modelEntrySchema } from "@llamero/core";
import { z } from "zod";

/** A model that another server runs, behind OpenAI's API. */
export interface RemoteSource {
  /** Jobs ask for it by this. */
  name: string;
  /** Where the server's API begins, most often up to and with `/v1`. */
  url: string;
  /** The server's own name of it. */
  model: string;
  /** Requests that it is sent at once. */
  slots: number;
  /** Tokens that a prompt and its completion may have together; null: as the server says. */
  contextLength: number | null;
  capabilities: ModelEntry["capabilities"];
  /** Variable of the environment that has the server's API key; null: it wants none. */
  keyVariable: string | null;
  /** Parameters that it does not take, and that are not sent. */
  without: string[];
  /** For so long it may be silent before it is given up, in seconds. */
  silentSeconds: number;
}

const SPEC = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(https?:\/\/.*)$/;
const BARE = /^https?:\/\//;

const count = (most: number) => z.coerce.number().int().min(1).max(most);
const optionsSchema = z.strictObject({
  model: z.string().min(1).optional(),
  slots: count(1_024).default(8),
  context: count(100_000_000).optional(),
  does: z.array(modelEntrySchema.shape.capabilities.element).min(1).optional(),
  key: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable")
    .optional(),
  without: z.array(z.string().regex(/^[a-z_]+$/, "must be the name of a parameter")).optional(),
  silent: z.coerce.number().min(1).max(86_400).default(120),
});

/** Whether an entry of `LLAMERO_MODELS` names a server instead of a file. */
export function isRemoteSpec(spec: string): boolean {
  return SPEC.test(spec) || BARE.test(spec);
}

function refuse(spec: string, why: string): never {
  const form = "name=https://server/v1?model=its-name&slots=8&context=32768&does=chat&key=VARIABLE&silent=120";
  throw new AppError("config_invalid", `LLAMERO_MODELS names "${spec}", where ${why}. The form is ${form}.`);
}

/** Options that may be given several times. */
const LISTS: ReadonlySet<string> = new Set(["does", "without"]);

function readOptions(query: URLSearchParams): Record<string, string | string[] | undefined> {
  const names = [...new Set(query.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = query.getAll(name);
      return [name, LISTS.has(name) ? values : values.at(-1)];
    }),
  );
}

/**
 * Reads `name=https://server/v1?model=…&slots=…`, as it stands in `LLAMERO_MODELS`.
 * @throws AppError `config_invalid`
 */
export function parseRemoteSource(spec: string): RemoteSource {
  const [, name, address] = SPEC.exec(spec) ?? [];
  if (name === undefined || address === undefined) refuse(spec, "the name that jobs ask for is missing");
  const url = URL.parse(address);
  if (url === null) refuse(spec, "the address is no URL");
  if (url.username !== "" || url.password !== "")
    refuse(name, "a password stands in the URL; name a variable that has it: key=VARIABLE");
  const parsed = optionsSchema.safeParse(readOptions(url.searchParams));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const at = issue?.path.join(".") ?? "";
    refuse(spec, at === "" ? `${issue?.message}` : `${at}: ${issue?.message}`);
  }
  const { model = name, slots, context = null, does = ["chat", "completion"], key = null, without = [], silent } = parsed.data;
  return {
    ...{ name, model, slots, without },
    url: url.origin + url.pathname.replace(/\/+$/, ""),
    contextLength: context,
    capabilities: does,
    keyVariable: key,
    silentSeconds: silent,
  };
}
