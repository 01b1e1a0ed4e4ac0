/** What one task leaves to the next. */
import { expect, test } from "vitest";
import { rememberLast } from "../../lab/memo.ts";

test("the same key twice in a row is made once, another key anew, and only the last is kept", async () => {
  const remember = rememberLast();
  const made: string[] = [];
  const asked = ["a", "a", "b", "b", "a"];
  const make = async (key: string): Promise<string> => {
    made.push(key);
    return key.toUpperCase();
  };
  const got: string[] = [];
  for (const key of asked) got.push(await remember(key, () => make(key)));
  expect(got).toEqual(["A", "A", "B", "B", "A"]);
  expect(made).toEqual(["a", "b", "a"]);
});

test("what failed is made again", async () => {
  const remember = rememberLast();
  await expect(remember("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await remember("a", async () => 1)).toBe(1);
});
