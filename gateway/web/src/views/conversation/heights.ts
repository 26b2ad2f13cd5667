/** The heights of many rows, with the sums that scrolling needs, each in logarithmic time (a Fenwick tree). */
export class Heights {
  private tree: Float64Array;
  private heights: Float64Array;
  private count: number;

  constructor(heights: readonly number[]) {
    this.count = heights.length;
    const room = roomFor(this.count);
    this.heights = new Float64Array(room);
    this.heights.set(heights);
    this.tree = new Float64Array(room + 1);
    this.build();
  }

  get length(): number {
    return this.count;
  }

  get total(): number {
    return this.before(this.count);
  }

  of(row: number): number {
    return this.heights[row] ?? 0;
  }

  /** The height of all rows before this one. */
  before(row: number): number {
    let sum = 0;
    for (let at = Math.min(row, this.count); at > 0; at -= at & -at) sum += this.tree[at] ?? 0;
    return sum;
  }

  set(row: number, height: number): void {
    const change = height - this.of(row);
    if (!change) return;
    this.heights[row] = height;
    for (let at = row + 1; at < this.tree.length; at += at & -at) this.tree[at] = (this.tree[at] ?? 0) + change;
  }

  push(height: number): void {
    if (this.count === this.heights.length) {
      const grown = new Float64Array(roomFor(this.count + 1));
      grown.set(this.heights);
      this.heights = grown;
      this.tree = new Float64Array(grown.length + 1);
      this.build();
    }
    this.count += 1;
    this.set(this.count - 1, height);
  }

  /** The row that is at a distance from the top; the first or the last beyond the ends. */
  rowAt(distance: number): number {
    let row = 0;
    let left = distance;
    for (let step = highestBit(this.tree.length - 1); step > 0; step >>= 1) {
      const next = row + step;
      const sum = this.tree[next];
      if (sum !== undefined && next <= this.count && sum <= left) {
        row = next;
        left -= sum;
      }
    }
    return Math.max(0, Math.min(row, this.count - 1));
  }

  private build(): void {
    this.tree.fill(0);
    for (let at = 1; at < this.tree.length; at += 1) {
      this.tree[at] = (this.tree[at] ?? 0) + (this.heights[at - 1] ?? 0);
      const parent = at + (at & -at);
      if (parent < this.tree.length) this.tree[parent] = (this.tree[parent] ?? 0) + (this.tree[at] ?? 0);
    }
  }
}

function roomFor(count: number): number {
  return Math.max(64, Math.ceil(count * 1.5));
}

function highestBit(value: number): number {
  return value > 0 ? 2 ** Math.floor(Math.log2(value)) : 0;
}
