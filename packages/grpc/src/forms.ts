import { TimestampSchema, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AppError } from "@llamero/core";
import { EmbeddingSchema, ToolCallSchema, ToolChoiceSchema, ToolSchema } from "./gen/llamero/v1/jobs_pb.js";

export type Plain = Record<string, unknown>;

/** A message that JSON has in another form than its fields. */
export interface Form {
  /** From the fields, as JSON has them; with the message's name for errors. */
  toPlain?: (fields: Plain, name: string) => unknown;
  /** From JSON to the fields, as JSON would have them, or to the message itself. */
  fromPlain?: (plain: unknown) => Plain;
}

/** Fields whose names end so hold JSON as text: `google.protobuf.Struct` would lose the order of a schema's properties. */
export const JSON_SUFFIX = "_json";

/** The only kind of tool that there is, which JSON names. */
const asFunction = (fields: Plain): Plain => ({ type: "function", ...fields });

function timeText({ seconds = 0, nanos = 0 }: Plain, name: string): string {
  const date = new Date(Number(seconds) * 1_000 + Math.trunc(Number(nanos) / 1_000_000));
  if (!Number.isNaN(date.getTime())) return date.toISOString();
  throw new AppError("invalid_request", `${name}: is beyond the range of times.`, { param: name });
}

function timeFields(text: unknown): Plain {
  const { seconds, nanos } = timestampFromMs(Date.parse(String(text)));
  return { seconds: Number(seconds), nanos };
}

function choiceFields(choice: unknown): Plain {
  if (typeof choice === "string") return { mode: choice };
  return { function: (choice as { function: { name: string } }).function.name };
}

export const forms: ReadonlyMap<string, Form> = new Map<string, Form>([
  [TimestampSchema.typeName, { toPlain: timeText, fromPlain: timeFields }],
  [EmbeddingSchema.typeName, { fromPlain: (values) => ({ values }) }],
  [ToolSchema.typeName, { toPlain: asFunction }],
  [ToolCallSchema.typeName, { toPlain: asFunction }],
  [
    ToolChoiceSchema.typeName,
    { toPlain: ({ mode, function: name }) => mode ?? asFunction({ function: { name } }), fromPlain: choiceFields },
  ],
]);
