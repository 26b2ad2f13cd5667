import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const GAP = 6;
const MARGIN = 8;

/** Something that hovers beside what opened it, and goes when one turns to anything else. Arrow keys move among its buttons. */
export function Popover({
  anchor,
  label,
  onClose,
  children,
  role = "menu",
}: {
  anchor: DOMRect;
  label: string;
  onClose: () => void;
  children: ComponentChildren;
  role?: "menu" | "dialog";
}) {
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<{ left: number; top: number } | null>(null);

  useLayoutEffect(() => {
    if (!box.current) return;
    if (!box.current.matches(":popover-open")) box.current.showPopover(); // above everything, whatever holds it
    const size = box.current.getBoundingClientRect();
    const below = anchor.bottom + GAP + size.height < innerHeight - MARGIN;
    const top = below ? anchor.bottom + GAP : Math.max(MARGIN, anchor.top - GAP - size.height);
    const left = Math.min(Math.max(MARGIN, anchor.right - size.width), innerWidth - size.width - MARGIN);
    setAt({ left, top });
  }, [anchor]);

  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    focusables(box.current)[0]?.focus();
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) onClose();
    };
    addEventListener("pointerdown", outside, true);
    return () => {
      removeEventListener("pointerdown", outside, true);
      if (box.current?.contains(document.activeElement)) before?.focus();
    };
  }, [onClose]);

  const move = (event: KeyboardEvent) => {
    if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
      onClose();
      return;
    }
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = focusables(box.current);
    const here = all.indexOf(document.activeElement as HTMLElement);
    all[(here + step + all.length) % all.length]?.focus();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it has a role, menu or dialog
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: likewise
    <div
      ref={box}
      class="popover"
      popover="manual"
      role={role}
      aria-label={label}
      style={at ? { left: `${at.left}px`, top: `${at.top}px` } : { visibility: "hidden", left: "0", top: "0" }}
      onKeyDown={move}
    >
      {children}
    </div>
  );
}

function focusables(box: HTMLElement | null): HTMLElement[] {
  return [...(box?.querySelectorAll<HTMLElement>("button:not(:disabled), a[href], input, select") ?? [])];
}
