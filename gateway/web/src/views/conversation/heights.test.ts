import { expect, test } from "vitest";
import { Heights } from "./heights.ts";

test.each([0, 1, 2, 63, 64, 65, 1000])("sums and rows agree with adding up, for %i rows", (count) => {
  const plain = Array.from({ length: count }, (_, row) => 20 + ((row * 37) % 91));
  const heights = new Heights(plain);
  const grow = () => {
    plain.push(44);
    heights.push(44);
  };
  grow();
  for (let row = 0; row < plain.length; row += 7) {
    plain[row] = 10 + row;
    heights.set(row, 10 + row);
  }
  grow();

  let sum = 0;
  for (const [row, height] of plain.entries()) {
    expect(heights.before(row)).toBe(sum);
    expect(heights.rowAt(sum)).toBe(row);
    expect(heights.rowAt(sum + height - 0.5)).toBe(row);
    sum += height;
  }
  expect(heights.total).toBe(sum);
  expect(heights.rowAt(sum + 100)).toBe(plain.length - 1);
});
