/** The words of the chat, which every page has; and the names of languages. */

import { me } from "../api/session.ts";
import { type Catalogue, en, type Key } from "./en.ts";
import { locale, words } from "./words.ts";

export { LOCALES, type Locale, locale, speak, speakAsBefore, speakOn, words } from "./words.ts";
export type { Key };

export const { t, tn } = words<keyof Catalogue>(en, { de: async () => (await import("./de.ts")).de });

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
