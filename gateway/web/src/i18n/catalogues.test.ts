import { describe, expect, test } from "vitest";
import { de as adminDe } from "../admin/i18n/de.ts";
import { en as adminEn } from "../admin/i18n/en.ts";
import { de as docsDe } from "../docs/i18n/de.ts";
import { en as docsEn } from "../docs/i18n/en.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";

const CATALOGUES: [string, Record<string, string>, Record<string, string>][] = [
  ["chat", en, de],
  ["admin", adminEn, adminDe],
  ["docs", docsEn, docsDe],
];

/** What a text has that must be the same in every language: its parameters, its code, where its links lead. */
function marks(text: string): string[] {
  return (text.match(/\{\w+\}|`[^`]+`|\]\([^)]+\)/g) ?? []).sort();
}

describe.each(CATALOGUES)("the catalogue of %s", (_, english, german) => {
  test("has the same keys in both languages, and words for each", () => {
    expect(Object.keys(german).sort()).toEqual(Object.keys(english).sort());
    expect(Object.entries({ ...english, ...german }).filter(([, text]) => !text.trim())).toEqual([]);
  });

  test("has the same parameters, code and links in both languages", () => {
    const marked = (texts: Record<string, string>) =>
      Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, marks(text)]));

    expect(marked(german)).toEqual(marked(english));
  });

  test("has both forms of what is counted", () => {
    const ones = Object.keys(english).filter((key) => key.endsWith("_one"));

    expect(ones.filter((key) => !(key.replace(/_one$/, "_other") in english))).toEqual([]);
  });
});
