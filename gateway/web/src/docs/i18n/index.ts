/** The words of the developers' pages, which come with them. */

import { speakOn, words } from "../../i18n/index.ts";
import { en } from "./en.ts";

export type Key = keyof typeof en;

export const { t } = words<Key>(en, { de: async () => (await import("./de.ts")).de });

await speakOn();
