/** Icons, drawn on a grid of 24 with strokes of the text's colour. They say nothing to a screen reader: what bears one has a name. */

const PATHS = {
  add: "M12 5v14M5 12h14",
  admin: "M4 19V5M4 19h16M8 15l4-5 3 3 4-6",
  agent:
    "M12 3v3M7 8h10a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM9.500 12.500v1.500M14.500 12.500v1.500",
  back: "M15 5l-7 7 7 7",
  bell: "M6 16v-5a6 6 0 0 1 12 0v5l1.500 2h-15zM10 20.500a2.200 2.200 0 0 0 4 0",
  check: "M5 12.500l4.500 4.500L19 7.500",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  down: "M12 5v14M6 13l6 6 6-6",
  edit: "M4 20l1-4L16.500 4.500l3 3L8 19z",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  hash: "M9 4L7 20M17 4l-2 16M4.500 9H20M4 15h15.500",
  leave: "M14 4H6v16h8M10 12h10M17 8.500l3.500 3.500-3.500 3.500",
  link: "M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
  memory: "M6 4h12v16l-6-4.500L6 20z",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M5.500 12h.010M12 12h.010M18.500 12h.010",
  people:
    "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c.5-4 3-6 6.500-6s6 2 6.500 6M16 4.500a3.500 3.500 0 0 1 0 6.200M18 14.500c2 .8 3.200 2.600 3.500 5.500",
  refresh: "M19 6v4.500h-4.500M19 10.500A7.500 7.500 0 1 0 19.500 14",
  reply: "M9 6L4 11l5 5M4.500 11H14c3.500 0 6 2 6 7",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.500 4.500",
  send: "M4 12l16-7-5 15-3.500-6.500z",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.500 14c1.600 2.300 5.400 2.300 7 0M9 9.500v.5M15 9.500v.5",
  stop: "M7 7h10v10H7z",
  talk: "M5 5h14v11H11l-4 4v-4H5z",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l.8 13h8.400L17 7M10.500 11v5M13.500 11v5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
