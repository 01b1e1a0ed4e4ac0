/** The figures of the tour show the numbers of docs/tour.md, run its lines, and every number knows its sources. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { tourState } from "../../site/tour/program.ts";
import { type Cell, type Scene, sceneOf } from "../../site/tour/scene.ts";
import { written } from "../../site/tour/words.ts";

const text = readFileSync("docs/tour.md", "utf8");
const scene = sceneOf(tourState);
const cell = (key: string, from: Scene = scene): Cell => from.cells.get(key)!;
const values = (id: string, from: Scene = scene): string[] =>
  from.quantities.get(id)!.cells.map(({ value }) => written(value));

describe("docs/tour.md", () => {
  /** Expressions of the document with the cells that show them. */
  const shown: Readonly<Record<string, string[]>> = {
    "at(x)": ["x/10"],
    "at(branch)": ["branch/10"],
    "at(total)": ["total/10"],
    "at(y)": ["y/10"],
    "m.item()": ["m/0"],
    logits: ["logits/0", "logits/1"],
    "softmax(logits)": ["probabilities/0", "probabilities/1"],
    "loss.item()": ["loss/0"],
    "grads.get(logits)": ["g:logits/0", "g:logits/1"],
    "grads.get(m)": ["g:m/0"],
    "at(grads.get(y))": ["g:y/10"],
    "at(grads.get(total))": ["g:total/10"],
    "at(grads.get(branch))": ["g:branch/10"],
    "at(grads.get(x))": ["g:x/10"],
  };

  test.each(Object.entries(shown))("%s has there the number of the figure", (expression, keys) => {
    const line = text.split("\n").find((line) => line.startsWith(`${expression}; // `))!;
    const numbers = line
      .split("// ")[1]
      .match(/-?\d+(\.\d+)?/g)!
      .map(Number);
    expect(keys.map((key) => written(cell(key).value))).toEqual(numbers.map(written));
  });

  test("the figures run the lines of its first block", () => {
    const block = /```ts\n(.*?)```/s.exec(text)![1];
    const program = readFileSync("site/tour/program.ts", "utf8").replace(
      "cut ? branch : add(x, branch)",
      "add(x, branch)",
    );
    const lines = block.split("\n").filter((line) => /^const \w+ = \w+\(/.test(line));
    expect(lines.length).toBe(9);
    let at = 0;
    for (const line of lines) {
      const found = program.indexOf(`  ${line}`, at);
      expect(found, line).toBeGreaterThan(0);
      at = found;
    }
  });

  test("and begin with its image, its filter and its pixel", () => {
    const literal = (name: string): unknown =>
      JSON.parse(new RegExp(`const ${name} = (\\[.*?\\]);\\n`, "s").exec(text)![1].replace(/,\s*\]/g, "]"));
    expect(literal("image")).toEqual(tourState.image);
    expect(literal("filter")).toEqual(tourState.filter);
    expect(text).toContain(`const row = ${tourState.row};\nconst column = ${tourState.column};`);
  });

  test("says the formulas of the figures", () => {
    expect(cell("branch/10").formula).toBe("0.5·3 + (−1)·2 = −0.5");
    expect(cell("total/10").formula).toBe("2 + (−0.5) = 1.5");
    expect(cell("y/10").formula).toBe("the larger of 0 and 1.5 = 1.5");
    expect(cell("loss/0").formula).toBe("−ln of the probability of the right class, −ln 0.7549 = 0.2812");
    expect(cell("g:m/0").formula).toBe("1·(−0.2451) + (−1)·0.2451 = −0.4902");
    expect(values("over")).toEqual(["−0.0306"]);
    expect(values("through")).toEqual(["0", "0", "0", "−0.0153", "0.0306", "−0.0153", "0", "0", "0"]);
  });
});

describe("sources", () => {
  test("every number but those given has some, and all exist", () => {
    for (const { key, sources, targets, formula } of scene.cells.values()) {
      for (const other of [...sources, ...targets]) expect(scene.cells.has(other), `${key} ← ${other}`).toBe(true);
      if (sources.length === 0) expect(formula, key).toMatch(/^given|^outside/);
    }
  });

  test("a number is a target of each of its sources", () => {
    for (const { key, sources } of scene.cells.values())
      for (const s of sources) expect(cell(s).targets).toContain(key);
  });

  test("from the loss every pixel of the mean's image is reached, and from its gradient our pixel's", () => {
    const reached = new Set(["loss/0"]);
    for (const key of reached) for (const s of cell(key).sources) reached.add(s);
    expect([...reached].filter((key) => key.startsWith("x/")).length).toBe(16);
    const back = new Set(["probabilities/0"]);
    for (const key of back) for (const t of cell(key).targets) back.add(t);
    expect(back.has("g:x/10")).toBe(true);
  });

  test("F(x) came from nine numbers and nine taps, six of them inside at a corner's pixel", () => {
    expect(cell("branch/10").sources.filter((s) => s.startsWith("x/")).length).toBe(9);
    expect(cell("branch/0").sources.filter((s) => s.startsWith("x/")).length).toBe(4);
  });
});

describe("with the shortcut cut", () => {
  const plain = sceneOf({ ...tourState, cut: true });

  test("y is relu(F(x)), and no gradient comes over the shortcut", () => {
    expect(values("total", plain)).toEqual(values("branch", plain));
    expect([values("over"), values("over", plain)]).toEqual([["−0.0306"], ["0"]]);
    expect(cell("over/0", plain).sources).toEqual([]);
  });

  test("the gradient at x is the sum of what arrives, cut or not", () => {
    for (const from of [scene, plain]) {
      const parts = ["over", "through"].flatMap((id) => from.quantities.get(id)!.cells);
      const total = parts.reduce((sum, { value }) => sum + value, 0);
      expect(total).toBeCloseTo(cell("g:x/10", from).value, 6);
    }
  });

  test("every source exists", () => {
    for (const { sources } of plain.cells.values()) for (const s of sources) expect(plain.cells.has(s), s).toBe(true);
  });
});

test("another pixel and another input give other numbers, by the same rules", () => {
  const image = tourState.image.map((row) => [...row]);
  image[1][1] = 5;
  const other = sceneOf({ ...tourState, image, row: 1, column: 1 });
  expect(cell("branch/5", other).formula).toBe("−1·5 = −5");
  expect(cell("x/5", other).here).toBe(true);
  expect(cell("y/5", other).value).toBe(0);
});
