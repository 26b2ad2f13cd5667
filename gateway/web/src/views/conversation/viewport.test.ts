import { expect, test } from "vitest";
import { Viewport } from "./viewport.ts";

const ROW = 56; // what a row counts until it is measured
const WINDOW = 800;

/** A list whose rows are named by their numbers, and a hand that scrolls it. */
function list(first: number, count: number) {
  let rows = numbered(first, count);
  const viewport = new Viewport();
  const tell = () => viewport.rows(rows, (id) => rows.indexOf(id));
  const scroll = (top: number) => viewport.scrolled(top, rows.length * ROW - WINDOW - top, false);
  const seen = () => {
    const { start, end } = viewport.range(WINDOW);
    const top = viewport.top();
    return { above: top - viewport.before(start), below: viewport.before(end) - top - WINDOW };
  };
  tell();
  return {
    viewport,
    scroll,
    seen,
    /** Rows come before the first one; the viewport hears of it with `tell`. */
    grow: (more: number) => {
      rows = [...numbered(first - more, more), ...rows];
    },
    tell,
  };
}

function numbered(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(first + index));
}

test("a list at rest is drawn as far above the window as below", () => {
  const { scroll, seen } = list(0, 500);
  scroll(10_000);
  scroll(10_000);

  expect(Math.abs(seen().above - seen().below)).toBeLessThanOrEqual(2 * ROW);
});

test.each([
  [-1200, "above"],
  [1200, "below"],
] as const)(
  "a list that moves by %d pixels is drawn as far %s the window as the next such step goes",
  (step, where) => {
    const { scroll, seen } = list(0, 500);
    scroll(12_000);
    scroll(12_000 + step);

    expect(seen()[where]).toBeGreaterThanOrEqual(Math.abs(step));
    expect(seen().above + seen().below).toBeLessThan(1800);
  },
);

test("a step counts as what it was when the list has grown above it before it was told of", () => {
  const { scroll, seen, grow, tell } = list(0, 500);
  scroll(12_000);
  grow(100);

  scroll(10_800);
  tell();

  expect(seen().above).toBeGreaterThanOrEqual(1200);
});

test("a leap is no movement", () => {
  const { scroll, seen } = list(0, 500);
  scroll(24_000);
  scroll(2000);

  expect(seen().above).toBeLessThan(1000);
});

test("what grows above leaves the window where it was", () => {
  const { viewport, scroll, grow, tell } = list(0, 500);
  scroll(12_000);
  grow(100);
  tell();

  expect(viewport.top()).toBe(12_000 + 100 * ROW);
});

test("a list of other rows is shown from its end, not from its beginning", () => {
  const { viewport, scroll } = list(0, 500);
  scroll(12_000);
  const others = numbered(1000, 60);
  viewport.rows(others, (id) => others.indexOf(id));

  expect(viewport.atEnd).toBe(true);
  expect(viewport.range(WINDOW).end).toBe(60);
});
