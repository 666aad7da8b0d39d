import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  jobSchema,
  jobStatuses,
  jobTypes,
  messageSchema,
  outputFinishReasons,
  priorities,
  responseFormatSchema,
  submitSchema,
  toolChoiceSchema,
} from "@llamero/core";
import { describe, expect, it, test } from "vitest";
import { z } from "zod";
import { JSON_SUFFIX } from "./forms.ts";
import {
  EmbeddingSchema,
  FinishReasonSchema,
  JobSchema,
  JobStatusSchema,
  JobTypeSchema,
  PrioritySchema,
  ResponseFormatTypeSchema,
  RoleSchema,
  SubmitRequestSchema,
  ToolChoiceSchema,
  ToolModeSchema,
} from "./gen/llamero/v1/jobs_pb.js";

/** JSON Schema, as far as it is looked at. */
interface Shape {
  $ref?: string;
  properties?: Record<string, Shape>;
  items?: Shape;
  anyOf?: Shape[];
  oneOf?: Shape[];
  allOf?: Shape[];
  enum?: unknown[];
  const?: unknown;
  $defs?: Record<string, Shape>;
}

const documentOf = (schema: z.ZodType) => z.toJSONSchema(schema, { io: "output", unrepresentable: "any" }) as Shape;

/** A shape's alternatives, each as it is in the end; of a list those of its items. */
function alternatives(shape: Shape, root: Shape): Shape[] {
  const { $ref, items, anyOf = [], oneOf = [], allOf = [] } = shape;
  const named = $ref === undefined ? undefined : root.$defs?.[$ref.replace("#/$defs/", "")];
  const inside = [...anyOf, ...oneOf, ...allOf, ...(named === undefined ? [] : [named]), ...(items === undefined ? [] : [items])];
  return inside.length === 0 ? [shape] : [shape, ...inside.flatMap((other) => alternatives(other, root))];
}

/** Messages that JSON has in a form of its own, which `forms.test.ts` looks at. */
const own = new Set<string>([TimestampSchema.typeName, EmbeddingSchema.typeName, ToolChoiceSchema.typeName]);

/** Fields that one of the two has alone: `-` those of JSON, `+` those of the message. */
function differences(shapes: readonly Shape[], root: Shape, { fields }: DescMessage, path = ""): string[] {
  const properties = new Map<string, Shape[]>();
  for (const shape of shapes.flatMap((one) => alternatives(one, root)))
    for (const [name, property] of Object.entries(shape.properties ?? {}))
      properties.set(name, [...(properties.get(name) ?? []), property]);
  const names = fields.map(({ name }) => name.replace(new RegExp(`${JSON_SUFFIX}$`), ""));
  const missing = [...properties.keys()].filter((name) => !names.includes(name)).map((name) => `- ${path}${name}`);
  const deeper = fields.flatMap((field, index) => {
    const name = names[index] ?? "";
    const property = properties.get(name);
    if (property === undefined) return [`+ ${path}${name}`];
    if (field.message === undefined || own.has(field.message.typeName)) return [];
    return differences(property, root, field.message, `${path}${name}.`);
  });
  return [...missing, ...deeper].toSorted();
}

function differencesOf(schema: z.ZodType, desc: DescMessage): string[] {
  const root = documentOf(schema);
  return differences([root], root, desc);
}

describe("a message has what HTTP has", () => {
  // The only kind of tool is a function, and what is strict is so always.
  const ofParams = ["- params.response_format.json_schema.strict", "- params.tools.function.strict", "- params.tools.type"];

  it("of a submission, with a key of its own", () => {
    const known = ["+ idempotency_key", "- messages.tool_calls.type", ...ofParams];
    expect(differencesOf(submitSchema, SubmitRequestSchema)).toEqual(known.toSorted());
  });

  it("of a job, which needs not be told from a batch", () => {
    const known = ["- object", "- output.message.tool_calls.type", ...ofParams, "+ output.message.tool_call_id"];
    expect(differencesOf(jobSchema, JobSchema)).toEqual(known.toSorted());
  });
});

/** What an enum's values are as words. */
const wordsOf = ({ values }: DescEnum) => values.slice(1).map(({ localName }) => localName.toLowerCase());

/** The constants of a property in all alternatives of a schema. */
function constantsOf(schema: z.ZodType, property: string | null): unknown[] {
  const root = documentOf(schema);
  const shapes = alternatives(root, root);
  const looked = property === null ? shapes : shapes.flatMap(({ properties }) => properties?.[property] ?? []);
  return looked.flatMap((shape) => shape.enum ?? (shape.const === undefined ? [] : [shape.const]));
}

test.each<[DescEnum, readonly unknown[]]>([
  [JobTypeSchema, jobTypes],
  [JobStatusSchema, jobStatuses],
  [PrioritySchema, priorities],
  [FinishReasonSchema, outputFinishReasons],
  [RoleSchema, constantsOf(messageSchema, "role")],
  [ResponseFormatTypeSchema, constantsOf(responseFormatSchema, "type")],
  [ToolModeSchema, constantsOf(toolChoiceSchema, null)],
])("%s has the words that JSON has", (desc, words) => {
  expect(wordsOf(desc).toSorted()).toEqual([...words].map(String).toSorted());
});
