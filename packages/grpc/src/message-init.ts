import { type DescEnum, type DescField, type DescMessage, type MessageInitShape, ScalarType } from "@bufbuild/protobuf";
import { forms, JSON_SUFFIX, type Plain } from "./forms.ts";

/**
 * What a message is made of that says the same as JSON, the inverse of `plainOf`. Fields that the message does not have are
 * left out, and so is null.
 * @param plain as schemas of `packages/core` have checked it
 */
export function initOf<Desc extends DescMessage>(desc: Desc, plain: object): MessageInitShape<Desc> {
  const init: Plain = {};
  for (const field of desc.fields) {
    const value = initField(field, plain as Plain);
    if (value === null || value === undefined) continue;
    if (field.oneof === undefined) init[field.localName] = value;
    else init[field.oneof.localName] = { case: field.localName, value };
  }
  // Its fields are those of the descriptor, which the type is generated from.
  return init as MessageInitShape<Desc>;
}

function initField(field: DescField, plain: Plain): unknown {
  if (field.name.endsWith(JSON_SUFFIX)) {
    const held = plain[field.name.slice(0, -JSON_SUFFIX.length)];
    return held === undefined || held === null ? null : JSON.stringify(held);
  }
  const value = plain[field.name];
  if (value === undefined || value === null || field.fieldKind === "map") return value;
  // JSON may have one text where a message has a list of them.
  if (field.fieldKind === "list") return (Array.isArray(value) ? value : [value]).map((item: unknown) => initValue(field, item));
  return initValue(field, value);
}

function initValue(field: DescField, value: unknown): unknown {
  if (field.enum !== undefined) return enumNumber(field.enum, String(value));
  if (field.message !== undefined) {
    const fields = forms.get(field.message.typeName)?.fromPlain?.(value) ?? (value as Plain);
    return initOf(field.message, fields);
  }
  return field.scalar === ScalarType.INT64 ? BigInt(Number(value)) : value;
}

const numbers = new WeakMap<DescEnum, ReadonlyMap<string, number>>();

function enumNumber(desc: DescEnum, word: string): number {
  let byWord = numbers.get(desc);
  if (byWord === undefined) {
    byWord = new Map(desc.values.map(({ localName, number }) => [localName.toLowerCase(), number]));
    numbers.set(desc, byWord);
  }
  const number = byWord.get(word);
  if (number === undefined) throw new Error(`${desc.typeName} has no value for ${word}`);
  return number;
}
