/** Light, dark, or as the system is. */

import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const CHOICE = "gathering.theme";

export const theme = signal<Theme>("system");

export function wearTheme(chosen: Theme = (localStorage.getItem(CHOICE) as Theme | null) ?? "system"): void {
  theme.value = chosen;
  localStorage.setItem(CHOICE, chosen);
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}
