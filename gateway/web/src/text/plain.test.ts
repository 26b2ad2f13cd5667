import { Marked } from "marked";
import { expect, test } from "vitest";
import { isPlain } from "./plain.ts";

const HARMLESS = [
  "a",
  "Word",
  "größer",
  "日本",
  "שלום",
  "x9",
  "7",
  "3.",
  " ",
  "  ",
  ",",
  ".",
  "…",
  "!",
  "?",
  ";",
  "'",
  "’",
  "“",
  '"',
  "(",
  ")",
  "%",
  "-",
  "–",
  "👍",
]; // prettier-ignore
const PIECES = [
  ...HARMLESS,
  "---",
  "\n",
  "*",
  "_",
  "`",
  "#",
  "@",
  ":",
  "/",
  "<",
  ">",
  "&",
  "~",
  "|",
  "[",
  "]",
  "\\",
  "=",
  "+",
  "www.x.org",
  "WWW.x.org",
  "1)",
  "\t",
]; // prettier-ignore

test("what is called plain is one paragraph of these very signs to Markdown", () => {
  const marked = new Marked({ gfm: true, breaks: true });
  const random = seeded(7);
  let plain = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const from = round % 2 ? HARMLESS : PIECES;
    const text = Array.from({ length: 1 + random(8) }, () => from[random(from.length)]).join("");
    if (!isPlain(text)) continue;
    plain += 1;
    expect(marked.parse(text)).toBe(`<p>${escaped(text)}</p>\n`);
  }
  expect(plain).toBeGreaterThan(2_000);
});

test("ordinary talk is plain, and what may mean something is not", () => {
  for (const text of ["See you tomorrow!", "Größer, schöner – später?", "I’d say 50 % (or so)", "今日は会議があります"])
    expect(isPlain(text)).toBe(true);
  for (const text of ["**no**", "1. one", "- item", "@ada hello", "see www.example.org", "two\nlines", "a:b", "x ", ""])
    expect(isPlain(text)).toBe(false);
});

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

function escaped(text: string): string {
  return text.replace(/'/g, "&#39;").replace(/"/g, "&quot;");
}
