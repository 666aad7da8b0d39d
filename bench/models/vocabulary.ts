/** GGUF's token types, as far as they are used here. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

const CONSONANTS = [..."bcdfghjklmnpqrstvwxz"];
const VOWELS = [..."aeiou"];
/** SentencePiece's sign for a space. */
const SPACE = "▁";

export interface Vocabulary {
  tokens: string[];
  scores: number[];
  types: number[];
  bos: number;
  /** Also the end of a turn: `<|im_end|>`. */
  eos: number;
  unknown: number;
}

function pieces(): string[] {
  const syllables = CONSONANTS.flatMap((consonant) => VOWELS.map((vowel) => consonant + vowel));
  const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));
  const words = syllables.flatMap((first) => syllables.map((second) => first + second));
  // Short prefixes of many words first, so that a small vocabulary has whole words too.
  const pairs = words.flatMap((word) => [word, SPACE + word]);
  const longer = words.flatMap((word) => syllables.slice(0, 2).map((syllable) => SPACE + word + syllable));
  return ["\n", SPACE, ...printable, ...syllables, ...syllables.map((syllable) => SPACE + syllable), ...pairs, ...longer];
}

/**
 * A SentencePiece vocabulary of invented words, with byte fallback for all other text. Every `▁` plus two syllables is one token,
 * and all its parts are tokens too, so that merging ends there: a text of n such words is n tokens, whatever the words.
 * @param size tokens; at most 40,000
 */
export function inventVocabulary(size: number): Vocabulary {
  const control = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"];
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const all = pieces();
  const normal = all.slice(0, size - 1 - control.length - bytes.length);
  if (normal.length < size - 1 - control.length - bytes.length) throw new Error(`a vocabulary of ${size} is too large`);
  const fixed = 1 + control.length + bytes.length;
  return {
    tokens: ["<unk>", ...control, ...bytes, ...normal],
    // Earlier pieces merge first.
    scores: [...new Array<number>(fixed).fill(0), ...normal.map((_, index) => -index)],
    types: [
      TOKEN_TYPE.unknown,
      ...control.map(() => TOKEN_TYPE.control),
      ...bytes.map(() => TOKEN_TYPE.byte),
      ...normal.map(() => TOKEN_TYPE.normal),
    ],
    unknown: 0,
    bos: 1,
    eos: control.indexOf("<|im_end|>") + 1,
  };
}

/** ChatML, as Jinja. */
export const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
