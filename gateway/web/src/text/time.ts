/** Moments in words, in the interface's language. */

import { locale, t } from "../i18n/index.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale.value} ${name}`;
  const found = formats.get(key) ?? new Intl.DateTimeFormat(locale.value, options);
  formats.set(key, found);
  return found;
}

export const clock = (at: string | number) =>
  format("clock", { hour: "2-digit", minute: "2-digit" }).format(new Date(at));

export const moment = (at: string | number) =>
  format("moment", { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));

export const seconds = (at: string | number) => format("seconds", { timeStyle: "medium" }).format(new Date(at));

/** Today, yesterday, a weekday, a date. */
export function day(at: string | number): string {
  const date = new Date(at);
  const today = new Date();
  const ago = Math.round((midnight(today) - midnight(date)) / 86_400_000);
  if (ago === 0) return t("today");
  if (ago === 1) return t("yesterday");
  if (ago < 7) return format("weekday", { weekday: "long" }).format(date);
  if (date.getFullYear() === today.getFullYear())
    return format("date", { weekday: "long", day: "numeric", month: "long" }).format(date);
  return format("year", { day: "numeric", month: "long", year: "numeric" }).format(date);
}

export function isSameDay(one: string, other: string): boolean {
  return midnight(new Date(one)) === midnight(new Date(other));
}

/** A span in seconds, by its two largest units: "2 hr 5 min". */
export function span(length: number): string {
  const parts: [number, string][] = [
    [Math.floor(length / 86_400), "day"],
    [Math.floor((length % 86_400) / 3600), "hour"],
    [Math.floor((length % 3600) / 60), "minute"],
    [Math.floor(length % 60), "second"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first < 0 ? -1 : first)
    .slice(0, 2)
    .map(([count, unit]) => new Intl.NumberFormat(locale.value, { style: "unit", unit }).format(count))
    .join(" ");
}

function midnight(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
