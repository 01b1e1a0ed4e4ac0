/** docs/from-pytorch.md and docs/from-tensorflow.md: their programs are files that run, their names are exports. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import * as skipstone from "../../src/index.ts";

const exported: ReadonlyMap<string, unknown> = new Map(Object.entries(skipstone));
const folder = "examples/from-pytorch";
const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
const documents = { "docs/from-pytorch.md": "python", "docs/from-tensorflow.md": "js" };

/** The rows of the table under "Names", as cells. */
function rowsOf(path: string): string[][] {
  const [, text] = readFileSync(path, "utf8").split("\n## Names\n");
  const lines = text.split("\n").filter((line) => line.startsWith("| `") || line.startsWith("|  "));
  return lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The names in a cell. */
const namesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);

/** Whether `name` is exported: by itself, inside a namespace (`schedules.cosine`), or a method of a class (`Tensor.item`). */
function isExported(name: string): boolean {
  const [first, second] = name.split(".");
  const value = exported.get(first);
  if (value === undefined || second === undefined) return value !== undefined;
  return typeof value === "function" ? second in value.prototype : second in (value as object);
}

describe.each(Object.entries(documents))("%s", (path, language) => {
  const text = readFileSync(path, "utf8");

  test("has the ten programs, each with the other library's before ours", () => {
    expect(files.length).toBe(10);
    expect(text.match(/^## /gm)?.length).toBe(12);
    const blocks = text.split(/^## /m).slice(1, 11);
    const pairs = blocks.map((block) => [/^```(\w+)$/m.exec(block)?.[1], /Skipstone \(\[(.+?)\]/.exec(block)?.[1]]);
    expect(pairs.map(([fence]) => fence)).toEqual(Array(10).fill(language));
    expect(pairs.map(([, file]) => file).sort()).toEqual([...files].sort());
  });

  test.each(files)("%s is there word for word", (file) => {
    const code = readFileSync(`${folder}/${file}`, "utf8").replace('"../../src/index.ts"', '"skipstone"');
    expect(text).toContain(`Skipstone ([${file}](../${folder}/${file})):\n\n\`\`\`ts\n${code}\`\`\`\n`);
  });

  test("names what the package exports", () => {
    const names = rowsOf(path).flatMap((cells) => namesIn(cells[1]));
    expect(names.filter((name) => !isExported(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(40);
  });
});

test("both tables say the same", () => {
  const pairs = (path: string, theirs: number): string[] =>
    rowsOf(path)
      .filter((cells) => cells[theirs] !== "")
      .map((cells) => `${cells[theirs]} ${cells[1]}`);
  expect(pairs("docs/from-pytorch.md", 2)).toEqual(pairs("docs/from-tensorflow.md", 0));
  expect(rowsOf("docs/from-pytorch.md").length).toBeGreaterThanOrEqual(60);
});

// What they print is checked where the documents' code is (examples.test.ts).
test.each(files)("%s runs as it stands", async (file) => {
  const printed = vi.spyOn(console, "log").mockImplementation(() => {});
  await import(/* @vite-ignore */ `../../${folder}/${file}`);
  expect(printed.mock.calls.length).toBeGreaterThan(0);
  printed.mockRestore();
});

test("the tester itself: a name that is not exported is found", () => {
  const names = ["SGD", "schedules.cosine", "Tensor.item", "sgd", "schedules.cos", "Tensor.items", "toString"];
  expect(names.map(isExported)).toEqual([true, true, true, false, false, false, false]);
});
