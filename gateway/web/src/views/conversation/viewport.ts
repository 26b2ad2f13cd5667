/**
 * Which rows of a long list are drawn, and where the list stands.
 *
 * The place is kept as an anchor, a row and the distance of its top from that of the window, or as "at the end". What is added
 * before the anchor, or turns out higher than was thought, therefore moves nothing that one looks at.
 */

import type { Id } from "../../api/types.ts";
import { Heights } from "./heights.ts";

export interface Range {
  start: number;
  end: number;
}

const ESTIMATE = 56;
/** Pixels that are drawn beyond each edge of the window; what one moves at once is taken from it, and put where one moves to. */
const BEYOND = 700;
const LEAST_BEYOND = 150;
/** More pixels at once are not a movement but a leap. */
const LEAP = 2000;
/** So near to the end it counts as the end. */
const NEAR = 60;

export class Viewport {
  atEnd = true;
  /** By how many pixels the list was moved last: the browser may show the next such step before the page hears of it. */
  private step = 0;
  /** `row` is where it is among the rows that are known here: a list that has changed is told of by `rows`. */
  private anchor: { id: Id; row: number; distance: number } | null = null;
  private heights = new Heights([]);
  private ids: readonly Id[] = [];
  private positions: (id: Id) => number = () => -1;
  private measured = new Map<Id, number>();

  /** The rows are these now. When what one looked at is not among them, they are others, and shown from their end. */
  rows(ids: readonly Id[], positionOf: (id: Id) => number): void {
    this.positions = positionOf;
    const before = this.ids;
    const grown =
      before.length > 0 &&
      ids.length >= before.length &&
      ids[0] === before[0] &&
      ids[before.length - 1] === before.at(-1);
    if (grown) for (const id of ids.slice(before.length)) this.heights.push(this.heightOf(id));
    else this.heights = new Heights(ids.map((id) => this.heightOf(id)));
    this.ids = ids;
    if (!this.anchor) return;
    const row = positionOf(this.anchor.id);
    if (row >= 0) this.anchor = { ...this.anchor, row };
    else this.toEnd();
  }

  /** The rows to draw in a window of this height. */
  range(height: number): Range {
    const top = this.atEnd ? this.heights.total - height : this.top();
    const beyond = Math.max(LEAST_BEYOND, BEYOND - Math.abs(this.step));
    return {
      start: this.heights.rowAt(Math.max(0, top + Math.min(0, this.step) - beyond)),
      end: this.ids.length ? this.heights.rowAt(top + height + Math.max(0, this.step) + beyond) + 1 : 0,
    };
  }

  before(row: number): number {
    return this.heights.before(row);
  }

  after(row: number): number {
    return this.heights.total - this.heights.before(row);
  }

  /** How far the list has to be scrolled. */
  top(): number {
    return this.anchor ? this.heights.before(this.anchor.row) - this.anchor.distance : 0;
  }

  /** The list was scrolled; `rest` is what is left below the window. */
  scrolled(top: number, rest: number, endless: boolean): void {
    const step = top - this.top();
    this.step = Math.abs(step) > LEAP ? 0 : step;
    this.atEnd = rest < NEAR && !endless;
    const row = this.heights.rowAt(Math.max(0, top));
    const id = this.ids[row];
    this.anchor = id === undefined ? null : { id, row, distance: this.heights.before(row) - top };
  }

  /** A row's height, now that it is drawn. Answers whether that is news. */
  measure(id: Id, height: number): boolean {
    if (this.measured.get(id) === height) return false;
    this.measured.set(id, height);
    const position = this.positions(id);
    if (position >= 0) this.heights.set(position, height);
    return true;
  }

  /** Put a row where one sees it, at a share of the window's height. */
  show(id: Id, distance: number): void {
    this.atEnd = false;
    this.anchor = { id, row: Math.max(0, this.positions(id)), distance };
  }

  toEnd(): void {
    this.atEnd = true;
    this.anchor = null;
  }

  private heightOf(id: Id): number {
    return this.measured.get(id) ?? ESTIMATE;
  }
}
