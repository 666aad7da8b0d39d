import { type DescEnum, type DescField, type DescMessage, isFieldSet, type Message } from "@bufbuild/protobuf";
import { AppError, parseJson, shorten } from "@llamero/core";
import { forms, JSON_SUFFIX, type Plain } from "./forms.ts";

type Path = readonly (string | number)[];

const nameOf = (path: Path) => path.map((part) => shorten(String(part))).join(".");

/**
 * What a message says, as the JSON that says the same over HTTP: names in snake_case, what is not set left out, enums as
 * words, fields that hold JSON as what they hold. Whether it is right is for the schemas of `packages/core` to say.
 * @throws AppError `unknown_parameter` for what this server's form of the message does not have; `invalid_json` and
 * `invalid_request` for fields that hold none
 */
export function plainOf(desc: DescMessage, message: Message, path: Path = []): Plain {
  refuseUnknown(desc, message, path);
  const plain: Plain = {};
  for (const field of desc.fields) {
    if (!isFieldSet(message, field)) continue;
    const value = heldBy(message, field);
    if (field.name.endsWith(JSON_SUFFIX))
      plain[field.name.slice(0, -JSON_SUFFIX.length)] = readJson(String(value), nameOf([...path, field.name]));
    else plain[field.name] = plainField(field, value, [...path, field.name]);
  }
  return plain;
}

function heldBy(message: Message, { oneof, localName }: DescField): unknown {
  const fields = message as Message & Plain;
  return oneof === undefined ? fields[localName] : (fields[oneof.localName] as { value: unknown }).value;
}

/** A newer client may ask for more than this server knows of: to leave that out in silence would be another job. */
function refuseUnknown({ typeName }: DescMessage, { $unknown = [] }: Message, path: Path): void {
  const [first] = $unknown;
  if (first === undefined) return;
  const text = `Unknown parameter: field ${first.no} of ${typeName}, which this server does not have. Its reflection shows what it has.`;
  throw new AppError("unknown_parameter", text, { param: nameOf(path) || null });
}

function plainField(field: DescField, value: unknown, path: Path): unknown {
  if (field.fieldKind === "map") return value;
  if (field.fieldKind === "list") return (value as unknown[]).map((item, index) => plainValue(field, item, [...path, index]));
  return plainValue(field, value, path);
}

function plainValue(field: DescField, value: unknown, path: Path): unknown {
  if (field.message !== undefined) {
    const fields = plainOf(field.message, value as Message, path);
    return forms.get(field.message.typeName)?.toPlain?.(fields, nameOf(path)) ?? fields;
  }
  if (field.enum !== undefined) return enumWord(field.enum, Number(value));
  // A number too large to be exact is beyond every limit all the same.
  return typeof value === "bigint" ? Number(value) : value;
}

/** An enum's value without its prefix; of one that is not known its number, which no schema takes. */
function enumWord(desc: DescEnum, number: number): string | number {
  return desc.value[number]?.localName.toLowerCase() ?? number;
}

function readJson(text: string, name: string): unknown {
  try {
    return parseJson(text, name);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, error.message, { param: error.param ?? name, cause: error });
  }
}
