import type { StringFormat } from "@llamero/core";
import type { GrammarRules } from "./grammar-rules.ts";

/** Days that there are, in years that the dates of other languages have too. */
const date = [
  '[1-9] [0-9]{3} "-" ("0" [13578] | "10" | "12") "-" ("0" [1-9] | [12] [0-9] | "3" [01])',
  '[1-9] [0-9]{3} "-" ("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30")',
  '[1-9] [0-9]{3} "-02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])',
  '([1-9] [0-9] ("0" [48] | [2468] [048] | [13579] [26]) | ([2468] [048] | [13579] [26]) "00") "-02-29"',
].join(" | ");
const hours = '([01] [0-9] | "2" [0-3])';
/** RFC 3339, full-time, without leap seconds. */
const time = `${hours} ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,9})? ("Z" | [-+] ${hours} ":" [0-5] [0-9])`;

const octet = '("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9]{2} | [1-9]? [0-9])';
const ipv4 = `${octet} ("." ${octet}){3}`;
/** Hosts that URL parsers take: the last label is no number, and none looks like an encoded one. */
const host = {
  LABEL: '[a-zA-Z0-9]{1,30} ("-" [a-zA-Z0-9]{1,15}){0,2}',
  TOP: '[a-zA-Z] [a-zA-Z0-9]{0,29} ("-" [a-zA-Z0-9]{1,15}){0,2}',
};

interface Format {
  /** Rules of its own, by the names that those behind them and the body have for them. */
  parts?: Readonly<Record<string, string>>;
  body: string;
}

/** What is written for each format: a part of what it allows, where it allows more than the common validators agree on. */
const formats: Readonly<Record<StringFormat, Format>> = {
  date: { body: date },
  time: { body: time },
  "date-time": { parts: { DATE: date, TIME: time }, body: 'DATE "T" TIME' },
  // Versions 1 to 8 in the variant of RFC 9562, which is what validators of versions look for.
  uuid: {
    parts: { HEX: "[0-9a-fA-F]" },
    body: 'HEX{8} "-" HEX{4} "-" [1-8] HEX{3} "-" [89abAB] HEX{3} "-" HEX{12}',
  },
  email: {
    parts: {
      ATOM: "[a-zA-Z0-9_] [a-zA-Z0-9_+-]{0,29}",
      LABEL: '[a-zA-Z0-9]{1,24} ("-" [a-zA-Z0-9]{1,12})?',
    },
    body: 'ATOM ("." ATOM)? "@" (LABEL "."){1,4} [a-zA-Z]{2,20}',
  },
  hostname: { parts: host, body: '(LABEL "."){0,3} TOP' },
  ipv4: { body: ipv4 },
  uri: {
    parts: {
      ...host,
      IPV4: ipv4,
      PORT: '[1-9] [0-9]{0,3} | [1-5] [0-9]{4} | "6" [0-4] [0-9]{3}',
      PCHAR: `[a-zA-Z0-9._~!$&'()*+,;=:@-] | "%" [0-9a-fA-F]{2}`,
      SERVER: '[a-zA-Z] [a-zA-Z0-9+.-]{0,15} "://" ((LABEL "."){0,3} TOP | IPV4) (":" PORT)?',
      PATH: '("/" (PCHAR | "/"){0,300})? ("?" (PCHAR | [/?]){0,150})? ("#" (PCHAR | [/?]){0,50})?',
      OTHER: '"file:///" (PCHAR | "/"){1,300} | ("mailto" | "urn" | "data" | "tel") ":" [a-zA-Z0-9+] (PCHAR | "/"){0,300}',
    },
    body: "SERVER PATH | OTHER",
  },
};

/** The characters of a string in a format. */
export function format(rules: GrammarRules, name: StringFormat): string {
  const { parts = {}, body } = formats[name];
  const names = new Map<string, string>();
  const named = (text: string) => text.replace(/\b[A-Z][A-Z0-9]*\b/g, (word) => names.get(word) ?? word);
  for (const [part, text] of Object.entries(parts)) names.set(part, rules.name(named(text)));
  return rules.name(named(body));
}
