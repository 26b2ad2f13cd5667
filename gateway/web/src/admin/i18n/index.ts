/** The words of the operator's pages, which come with them. */

import { speakOn, words } from "../../i18n/index.ts";
import { en } from "./en.ts";

export type Key = keyof typeof en;

export const { t, tn, has } = words<Key>(en, { de: async () => (await import("./de.ts")).de });

await speakOn();

/** What the server calls something, in words where there are any. */
export function named(kind: "state" | "dead" | "action" | "policy" | "field", name: string): string | null {
  const key = `${kind}_${name.replaceAll(".", "_")}`;
  return has(key) ? t(key) : null;
}
