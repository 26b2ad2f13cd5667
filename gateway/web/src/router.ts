/** Where one is: the address, as a signal. Links are real links; those within the client do not load a page. */

import { signal } from "@preact/signals";

export interface Place {
  /** The path's parts: ["rooms", "<id>"]. */
  parts: string[];
  query: URLSearchParams;
}

export const place = signal<Place>(read());

export function go(href: string, { replace = false } = {}): void {
  if (href === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", href);
  place.value = read();
}

export function watchLinks(): void {
  addEventListener("popstate", () => {
    place.value = read();
  });
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a");
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey)
      return;
    if (link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    if (link.pathname.startsWith("/api/") || (link.pathname === location.pathname && link.hash)) return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  });
}

function read(): Place {
  return {
    parts: location.pathname.split("/").filter(Boolean).map(decodeURIComponent),
    query: new URLSearchParams(location.search),
  };
}
