/** README.md and docs/ point at things that exist. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { filesUnder } from "./import-graph.ts";

const documents = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "lab/experiments/README.md",
  ...filesUnder("docs", ".md"),
];

/** Targets of links and pictures that are files of the repository. */
function localLinks(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target.replace(/#.*$/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target));
}

test.each(documents)("every file that %s links to exists", (path) => {
  const targets = localLinks(readFileSync(path, "utf8")).map((target) => join(dirname(path), target));
  expect(targets.filter((target) => !existsSync(target))).toEqual([]);
});

describe("docs/conventions.md", () => {
  const rows = [...readFileSync("docs/conventions.md", "utf8").matchAll(/^\|.*\| `([^`]+\.test\.ts)`: (.+?) *\|$/gm)];

  test("has its conventions", () => {
    expect(rows.length).toBeGreaterThan(25);
  });

  test("each is pinned by a test that exists", () => {
    const missing = rows.filter(
      ([, file, title]) =>
        !existsSync(join("test", file)) || !readFileSync(join("test", file), "utf8").includes(`("${title}"`),
    );
    expect(missing.map(([, file, title]) => `${file}: ${title}`)).toEqual([]);
  });

  test("no row is without a test", () => {
    const lines = readFileSync("docs/conventions.md", "utf8").split("\n");
    const body = lines.filter((line) => line.startsWith("| ") && !/^\| (convention|-+) /.test(line));
    expect(body.length).toBe(rows.length);
  });
});

describe("README.md", () => {
  const readme = readFileSync("README.md", "utf8");

  test("shows the program of examples/train-in-15-lines.ts, in at most 15 lines", () => {
    const example = readFileSync("examples/train-in-15-lines.ts", "utf8")
      .replace(/^\/\*\*.*\*\/\n/, "")
      .replace('"../src/index.ts"; // In your project: from "skipstone".', '"skipstone";');
    expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
    expect(example.split("\n").filter(Boolean).length).toBeLessThanOrEqual(15);
  });

  test("opens with the two commands and a picture", () => {
    const start = readme.split("\n").slice(0, 12).join("\n");
    expect(start).toMatch(/npm start[^\n]*\nnpm test/);
    expect(start).toMatch(/!\[.+\]\(docs\/images\/.+\.(svg|webp)\)/);
  });
});

test("the tester itself: finds links, not web addresses", () => {
  expect(localLinks("[a](b.md#c) ![d](e.svg) [f](https://g.h) [i](#j)")).toEqual(["b.md", "e.svg"]);
});
