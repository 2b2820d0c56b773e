/** What one writes to teach a hand, in order: each character that can be read, in boxes, and a few words. */

export const COPIES = 4; // boxes of each character
export const FEWEST_CHARACTERS = 20; // that must be written,
export const FEWEST_COPIES = 2; // each so often

const SMALL = "abcdefghijklmnopqrstuvwxyz";
const SIGNS = {
  ".": "full stop",
  ",": "comma",
  ":": "colon",
  ";": "semicolon",
  "!": "exclamation mark",
  "?": "question mark",
  "'": "apostrophe",
  '"': "quotation mark",
  "-": "hyphen",
  "(": "opening bracket",
  ")": "closing bracket",
  "/": "slash",
  "&": "and",
  "#": "number sign",
  "*": "star",
  "+": "plus",
};
const WORDS = ["quick", "jumps", "brown fox", "lazy dog", "Why not?", "Zoe & Max", "12:30", "(no. 47)"];

const characters = (kind, texts) => [...texts].map((text) => ({ text, kind, boxes: COPIES, isCharacter: true }));

/** {text, kind: what it is in words, boxes, isCharacter} */
export const PROMPTS = [
  ...characters("small", SMALL),
  ...characters("capital", SMALL.toUpperCase()),
  ...characters("digit", "0123456789"),
  ...Object.entries(SIGNS).flatMap(([text, kind]) => characters(kind, text)),
  ...WORDS.map((text) => ({ text, kind: "the words", boxes: 1, isCharacter: false })),
];
