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
/** Pixels that are drawn beyond each edge of the window. */
const BEYOND = 700;
/** So near to the end it counts as the end. */
const NEAR = 60;

export class Viewport {
  atEnd = true;
  private anchor: { id: Id; distance: number } | null = null;
  private heights = new Heights([]);
  private ids: readonly Id[] = [];
  private positions: (id: Id) => number = () => -1;
  private measured = new Map<Id, number>();

  /** The rows are these now. */
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
    if (this.anchor && positionOf(this.anchor.id) < 0) this.anchor = null;
  }

  /** The rows to draw in a window of this height. */
  range(height: number): Range {
    const top = this.atEnd ? this.heights.total - height : this.top();
    return {
      start: this.heights.rowAt(Math.max(0, top - BEYOND)),
      end: this.ids.length ? this.heights.rowAt(top + height + BEYOND) + 1 : 0,
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
    const position = this.anchor ? this.positions(this.anchor.id) : -1;
    return this.anchor && position >= 0 ? this.heights.before(position) - this.anchor.distance : 0;
  }

  /** The list was scrolled; `rest` is what is left below the window. */
  scrolled(top: number, rest: number, endless: boolean): void {
    this.atEnd = rest < NEAR && !endless;
    const row = this.heights.rowAt(Math.max(0, top));
    const id = this.ids[row];
    this.anchor = id === undefined ? null : { id, distance: this.heights.before(row) - top };
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
    this.anchor = { id, distance };
  }

  toEnd(): void {
    this.atEnd = true;
    this.anchor = null;
  }

  private heightOf(id: Id): number {
    return this.measured.get(id) ?? ESTIMATE;
  }
}
