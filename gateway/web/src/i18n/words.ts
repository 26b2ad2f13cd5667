/** Catalogues, and the language of the interface. English is a catalogue's shape; another language is loaded when it is wanted. */

import { batch, signal } from "@preact/signals";

export type Locale = "en" | "de";
export const LOCALES: Record<Locale, string> = { en: "English", de: "Deutsch" };

const CHOICE = "gathering.interface";

export const locale = signal<Locale>("en");
/** What was asked for last: its words may still be on their way. */
let chosen: Locale = "en";

type Texts = Record<string, string>;
type Parameters = Record<string, string | number>;
type Stem<Key> = Key extends `${infer Name}_other` ? Name : never;
type Elsewhere<Key extends string> = { [L in Exclude<Locale, "en">]: () => Promise<Record<Key, string>> };

/** Every catalogue of the pages that are loaded: each answers how it is put into a language, once that is there. */
const catalogues: ((wanted: Locale) => Promise<() => void>)[] = [];
const plurals = new Map<Locale, Intl.PluralRules>();

/** The words of some pages: `t` by key, `tn` by number. A page that comes later than the choice of a language awaits `speakOn`. */
export function words<Key extends string>(en: Record<Key, string>, elsewhere: Elsewhere<Key>) {
  const current = signal<Record<Key, string>>(en);
  catalogues.push(async (wanted) => {
    const texts = wanted === "en" ? en : await elsewhere[wanted]();
    return () => {
      current.value = texts;
    };
  });

  /** The words for a key. `{name}` is replaced by a parameter. */
  function t(key: Key, parameters: Parameters = {}): string {
    return current.value[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(parameters[name] ?? whole));
  }

  /** The words for a number of things: the key's `_one` or `_other` form, with `{count}`. */
  function tn(stem: Stem<Key>, count: number, parameters: Parameters = {}): string {
    const rules = plurals.get(locale.value) ?? new Intl.PluralRules(locale.value);
    plurals.set(locale.value, rules);
    const form = rules.select(count) === "one" ? "one" : "other";
    return t(`${stem}_${form}` as Key, { count: new Intl.NumberFormat(locale.value).format(count), ...parameters });
  }

  /** Whether there is a key for something that the server names. */
  function has(key: string): key is Key {
    return key in (en as Texts);
  }

  return { t, tn, has };
}

/** Put the whole interface into a language, at once, and remember it. */
export async function speak(wanted: Locale): Promise<void> {
  chosen = wanted;
  localStorage.setItem(CHOICE, wanted);
  const changes = await Promise.all(catalogues.map((load) => load(wanted)));
  if (chosen !== wanted) return;
  batch(() => {
    for (const change of changes) change();
    locale.value = wanted;
  });
  document.documentElement.lang = wanted;
}

/** Put catalogues that have just come into the language that is spoken. */
export const speakOn = (): Promise<void> => speak(chosen);

/** In the language that was chosen here, else in the browser's. */
export function speakAsBefore(): Promise<void> {
  const known = [localStorage.getItem(CHOICE), ...navigator.languages.map((each) => each.slice(0, 2))];
  return speak((known.find((each) => each !== null && each in LOCALES) as Locale | undefined) ?? "en");
}
