import { expect, test } from "vitest";
import type { Message } from "../api/types.ts";
import { lastRead } from "./readers.ts";

const messages = [2, 5, 9].map((offset) => ({ id: `m${offset}`, offset }) as Message);
const people = new Set(["ada", "bob", "eve"]);

test("everyone stands at the last message that they have read", () => {
  const reads = new Map([
    ["bob", 5],
    ["ada", 8],
    ["eve", 100],
    ["stranger", 5],
  ]);

  expect([...lastRead(messages, reads, people, false)]).toEqual([
    ["m5", "ada bob"],
    ["m9", "eve"],
  ]);
});

test("who has read less than is loaded, or more, stands nowhere", () => {
  const reads = new Map([
    ["bob", 1],
    ["eve", 100],
  ]);

  expect(lastRead(messages, reads, people, true).size).toBe(0);
  expect(lastRead([], reads, people, false).size).toBe(0);
});
