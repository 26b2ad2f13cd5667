/** The interface's words. English is the catalogue's shape; another language is loaded when it is wanted. */

import { signal } from "@preact/signals";
import { me } from "../api/session.ts";
import { type Catalogue, en, type Key } from "./en.ts";

export type { Key };
export type Locale = "en" | "de";
export const LOCALES: Record<Locale, string> = { en: "English", de: "Deutsch" };

const CHOICE = "gathering.interface";

export const locale = signal<Locale>("en");
const catalogue = signal<Catalogue>(en);
const plurals = new Map<Locale, Intl.PluralRules>();

/** The words for a key. `{name}` is replaced by a parameter; with `count`, the key's `_one` and `_other` forms are used. */
export function t(key: Key, parameters: Record<string, string | number> = {}): string {
  return catalogue.value[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(parameters[name] ?? whole));
}

type Plural = { [K in Key]: K extends `${infer Stem}_other` ? Stem : never }[Key];

export function tn(stem: Plural, count: number, parameters: Record<string, string | number> = {}): string {
  const rules = plurals.get(locale.value) ?? new Intl.PluralRules(locale.value);
  plurals.set(locale.value, rules);
  const form = rules.select(count) === "one" ? "one" : "other";
  return t(`${stem}_${form}` as Key, { count: new Intl.NumberFormat(locale.value).format(count), ...parameters });
}

export async function speak(wanted: Locale): Promise<void> {
  catalogue.value = wanted === "de" ? (await import("./de.ts")).de : en;
  locale.value = wanted;
  document.documentElement.lang = wanted;
  localStorage.setItem(CHOICE, wanted);
}

/** In the language that was chosen here, else in the browser's. */
export function speakAsBefore(): Promise<void> {
  const known = [localStorage.getItem(CHOICE), ...navigator.languages.map((each) => each.slice(0, 2))];
  return speak((known.find((each) => each !== null && each in LOCALES) as Locale | undefined) ?? "en");
}

/** The language in which one reads messages: the account's, else the browser's. */
export function readerLanguage(): string {
  return me.value?.language ?? navigator.language;
}

export const LANGUAGES = [
  "ar",
  "bg",
  "cs",
  "da",
  "de",
  "el",
  "en",
  "es",
  "et",
  "fa",
  "fi",
  "fr",
  "he",
  "hi",
  "hu",
  "id",
  "it",
  "ja",
  "ko",
  "lt",
  "lv",
  "nb",
  "nl",
  "pl",
  "pt",
  "pt-BR",
  "ro",
  "ru",
  "sk",
  "sl",
  "sv",
  "th",
  "tr",
  "uk",
  "vi",
  "zh",
]; // prettier-ignore

export function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames([locale.value], { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
