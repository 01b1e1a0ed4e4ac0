/** Every example in README.md, docs/ and the docstrings of src compiles, runs, and gives what its comments say. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import * as skipstone from "../../src/index.ts";
import { tsc } from "./build.ts";
import { filesUnder } from "./import-graph.ts";
import { type Check, docstringSnippets, literalOf, markdownSnippets, programOf, type Snippet } from "./snippets.ts";

const names = new Set(Object.keys(skipstone));

/** A tensor as nested arrays, a typed array as a plain one. */
function plain(value: unknown): unknown {
  if (value instanceof skipstone.Tensor) return value.toArray();
  if (ArrayBuffer.isView(value)) return [...(value as Float32Array)];
  return value;
}

/** Whether `got` is `expected`, numbers to as many digits after the point as are written, or to float32's precision. */
function agrees(got: unknown, expected: unknown, digits: number): boolean {
  if (typeof got === "number" && typeof expected === "number") {
    return Math.abs(got - expected) <= Math.max(digits > 0 ? 0.5001 * 10 ** -digits : 0, 1e-6 * Math.abs(expected));
  }
  if (Array.isArray(got) && Array.isArray(expected)) {
    return got.length === expected.length && got.every((v, i) => agrees(v, expected[i], digits));
  }
  return Object.is(got, expected);
}

const check: Check = {
  value(got, comment) {
    const literal = literalOf(comment);
    if (!literal || !agrees(plain(got), literal.value, literal.digits)) {
      throw new Error(`the comment says ${comment}, the code gives ${JSON.stringify(plain(got))}`);
    }
  },
  async throws(fn, name, message) {
    let thrown: unknown;
    try {
      await fn();
    } catch (error) {
      thrown = error;
    }
    const got = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : "nothing";
    if (!got.startsWith(`${name}: ${message}`)) {
      throw new Error(`the comment says it throws ${name}: ${message}, it throws ${got}`);
    }
  },
};

/** Writes the snippets as modules into build/NAME and returns their paths and the number of checked comments. */
function write(folder: string, snippets: readonly Snippet[]): { paths: string[]; checks: number } {
  const root = resolve("build", folder);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  // Where examples keep checkpoints: what an earlier run left there is not theirs to go on from.
  rmSync("build/runs", { recursive: true, force: true });
  const compilerOptions = {
    noEmit: true,
    incremental: false,
    tsBuildInfoFile: null,
    rootDir: "../..",
    noUnusedLocals: false,
  };
  const config = { extends: "../../tsconfig.json", compilerOptions, files: [] as string[], include: [] };
  let checks = 0;
  const paths = snippets.map((snippet, i) => {
    const program = programOf(snippet, names, "../../src/index.ts");
    checks += program.checks;
    const file = `${String(i).padStart(3, "0")}.ts`;
    writeFileSync(join(root, file), program.code);
    config.files.push(file);
    return join(root, file);
  });
  writeFileSync(join(root, "tsconfig.json"), JSON.stringify(config));
  return { paths, checks };
}

/** Runs a program, and returns what it printed. */
async function run(path: string): Promise<string[]> {
  const printed: string[] = [];
  const silenced = vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => {
    printed.push(values.join(" "));
  });
  try {
    const program = (await import(/* @vite-ignore */ path)) as { run(check: Check): Promise<void> };
    await program.run(check);
    return printed;
  } finally {
    silenced.mockRestore();
  }
}

const documents = ["README.md", ...(existsSync("docs") ? filesUnder("docs", ".md") : [])];
const snippets = [
  ...documents.flatMap((path) => markdownSnippets(path)),
  ...filesUnder("src", ".ts").flatMap((path) => docstringSnippets(path)),
];

describe("the documentation's examples", () => {
  const { paths, checks } = write("snippets", snippets);
  afterAll(() => console.log(`examples: ${snippets.length} run, ${checks} of their comments checked`));

  test("compile", () => {
    tsc("-p", resolve("build/snippets"));
  });

  test("have comments to check", () => {
    expect(checks).toBeGreaterThan(10);
  });

  const printed: string[] = [];
  // The README's program trains a network on real digits: half a minute on a slow machine.
  test.each(snippets.map(({ where }, i) => [where, paths[i]]))("%s", { timeout: 300_000 }, async (_, path) => {
    printed.push(...(await run(path)));
  });

  test("the README's program reads 95 of 100 digits, as it says there, give or take two", () => {
    const line = printed.find((text) => text.endsWith("unseen digits read correctly"));
    expect(Number.parseFloat(line ?? "")).toBeGreaterThan(93);
  });
});

describe("the tester itself", () => {
  let written = 0;
  async function result(code: string): Promise<string> {
    // A path of its own each time: a module is loaded once.
    const folder = `snippets-tester-${written++}`;
    onTestFinished(() => rmSync(resolve("build", folder), { recursive: true }));
    const { paths } = write(folder, [{ where: "here", code }]);
    return run(paths[0]).then(
      () => "passes",
      (error: Error) => error.message,
    );
  }

  test("a right comment passes, a wrong one is found", async () => {
    expect(await result("add(tensor([1, 2]), 3); // [4, 5]")).toBe("passes");
    expect(await result("add(tensor([1, 2]), 3); // [4, 6]")).toBe("the comment says [4, 6], the code gives [4,5]");
    expect(await result("const y = add(1, 2).item(); // 4")).toBe("the comment says 4, the code gives 3");
    expect(await result('console.log(tensor([1.5]).shape, "x"); // words')).toBe("passes");
    expect(await result("console.log(tensor([[1.5]]).rank); // 3")).toBe("the comment says 3, the code gives 2");
  });

  test("numbers are compared in the digits that are written", async () => {
    expect(await result("exp(tensor([1])); // [2.718]")).toBe("passes");
    expect(await result("exp(tensor([1])); // [2.719]")).toContain("the code gives [2.718");
    expect(await result("exp(tensor([1])); // [3]")).toContain("the code gives [2.718");
  });

  test("an error must have the name and the message that are written", async () => {
    const code = "add(tensor([1, 2]), tensor([1, 2, 3])); // throws";
    expect(await result(`${code} ShapeError: add: shapes [2] and [3] do not broadcast`)).toBe("passes");
    expect(await result(`${code} ShapeError: mul: `)).toContain("it throws ShapeError: add: shapes [2] and [3]");
    expect(await result("add(1, 2); // throws ShapeError: add")).toContain("it throws nothing");
  });

  test("a program that throws fails", async () => {
    expect(await result("add(tensor([1, 2]), tensor([1, 2, 3]));")).toContain("do not broadcast");
  });

  test("own declarations and imports win over injected ones", async () => {
    expect(await result("const add = (a: number, b: number) => a * b;\nadd(3, 4); // 12")).toBe("passes");
    expect(await result('import { add } from "skipstone/autograd";\nadd(3, 4).item(); // 7')).toBe("passes");
    expect(await result('import {\n  add,\n  mul,\n} from "skipstone";\nmul(add(3, 4), 2).item(); // 14')).toBe(
      "passes",
    );
  });

  test("finds blocks in Markdown and @example in docstrings, with their lines", () => {
    const markdown = "# Title\n\n```sh\nnpm start\n```\n\n```ts\nlet a = 1;\n```\n";
    expect(markdownSnippets("a.md", markdown)).toEqual([{ where: "a.md:8", code: "let a = 1;\n" }]);
    expect(markdownSnippets("a.md", `${markdown}\n\`\`\`ts continued\na++;\n\`\`\`\n`).at(-1)!.code).toBe(
      "let a = 1;\na++;\n",
    );
    const source =
      "/**\n * Text.\n *\n * @example\n * f(1); // 2\n *\n * g();\n * @throws never\n */\nfunction f() {}\n";
    expect(docstringSnippets("a.ts", source)).toEqual([{ where: "a.ts:5", code: "f(1); // 2\n\ng();\n" }]);
  });

  test("knows values from words", () => {
    for (const value of ["1", "-2.5", "[1, 2.]", "[[1], [2]]", '"text"', "true", "null", "undefined", "1e-5"]) {
      expect(literalOf(value), value).toBeDefined();
    }
    expect(literalOf('["1.png", 2.]')!.value).toEqual(["1.png", 2]);
    for (const words of ["the sum", "1 and 2", "[N, C]", "y.node is null", "", "prints [1, 1]"]) {
      expect(literalOf(words), words).toBeUndefined();
    }
  });
});
