/** The programs of examples/programs: each runs as a user runs it, prints what it should, and needs no cast. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

const folder = "examples/programs";
const outdir = resolve("build/programs");

/** What a program prints, in a process of its own: one of them starts itself as a worker. */
async function lines(name: string): Promise<string[]> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(outdir, `${name}.js`)]);
  expect(stderr).toBe("");
  return stdout.trimEnd().split("\n");
}

/** The numbers in a line. */
const numbers = (line: string): number[] => (line.match(/-?\d+(\.\d+)?(e-?\d+)?/g) ?? []).map(Number);

const judged: Readonly<Record<string, (printed: readonly string[]) => void>> = {
  "fine-tuning": ([right, changed]) => {
    expect(numbers(right)[0]).toBeGreaterThan(95);
    // Neither the stem nor anything of a batch norm.
    const blocks = [1, 2, 3].flatMap((stage) => [1, 2].map((conv) => `layer${stage}.0.conv${conv}.weight`));
    expect(changed).toBe(`changed: ${[...blocks, "fc.weight", "fc.bias"].join(", ")}`);
  },
  regression: ([off, sin]) => {
    expect(numbers(off)[0]).toBeLessThan(0.05);
    const [, sine, said] = numbers(sin);
    expect(Math.abs(sine - said)).toBeLessThan(0.1);
  },
  "ignored-labels": ([right, loss]) => {
    expect(numbers(right)[0]).toBeGreaterThan(95);
    const [apart, together] = numbers(loss);
    expect(Math.abs(apart - together)).toBeLessThan(2e-6);
  },
  predictions: ([shape, classes, first, difference]) => {
    expect(shape).toBe("shape: 10,3");
    expect(classes).toMatch(/^classes: ([abc] ?){10}$/);
    expect(numbers(first).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 2);
    expect(numbers(difference)[0]).toBeLessThan(1e-6);
  },
  accumulation: ([steps, difference]) => {
    expect(steps).toBe("steps: 20 and 20");
    expect(numbers(difference)[0]).toBeLessThan(1e-6);
  },
  "two-outputs": ([line]) => {
    const [which, distance] = numbers(line);
    expect(which).toBeGreaterThan(97);
    expect(distance).toBeLessThan(0.05);
  },
  "own-metric": ([early, unseen]) => {
    // Few of the rare class are found at first, though nine of ten answers are right.
    const [, accuracyThen, recallThen] = numbers(early);
    expect([accuracyThen > 0.8, recallThen < 0.5]).toEqual([true, true]);
    const [accuracy, recall] = numbers(unseen);
    expect([accuracy > 0.95, recall > 0.8]).toEqual([true, true]);
  },
  "early-stopping": ([stopped, best]) => {
    expect(stopped).toMatch(/^stopped after \d+ of 1000 epochs$/);
    expect(numbers(stopped)[0] - numbers(best)[0]).toBe(20);
  },
  "best-weights": ([end, best, back]) => {
    expect(numbers(best)[0]).toBeLessThan(numbers(end)[0]);
    expect(numbers(back)[0]).toBe(numbers(best)[0]);
  },
  resume: ([steps, same]) => {
    expect(steps).toBe("60 steps, stopped; 50 more from step 50 on");
    expect(same).toBe("the weights of 100 steps in one go: true");
  },
  ahead: ([seconds, same]) => {
    expect(seconds).toMatch(/^24 steps: [\d.]+ s with a worker, [\d.]+ s without$/);
    expect(same).toBe("all weights the same to the bit: true");
  },
  "learning-rate-finder": ([falls, lowest]) => {
    const [[good], [most]] = [numbers(falls), numbers(lowest)];
    expect([good > 1e-3, good < most]).toEqual([true, true]);
  },
  "confusion-matrix": ([head, ...rows]) => {
    expect(head).toBe("is \\ said   left  right   both");
    const matrix = rows.map(numbers);
    expect(matrix.flat().reduce((a, b) => a + b, 0)).toBe(600);
    matrix.forEach((row, i) => {
      expect(Math.max(...row)).toBe(row[i]);
    });
  },
  "grad-cam": ([saliency, cam]) => {
    expect(numbers(saliency)[0]).toBeGreaterThan(20);
    expect(numbers(cam)[1]).toBeGreaterThan(90);
  },
  "u-net": ([line]) => {
    const [, disc, square] = numbers(line);
    expect(disc).toBeGreaterThan(0.85);
    expect(square).toBeGreaterThan(0.9);
  },
  service: ([line]) => {
    expect(line).toBe("20 of 20 answers are those of this thread's network, to the bit");
  },
  threads: ([seconds, same]) => {
    expect(seconds).toMatch(/^20 steps: [\d.]+ s on (one thread|\d+ threads), [\d.]+ s on one$/);
    expect(same).toBe("all weights the same to the bit: true");
  },
  worker: ([there, here, same]) => {
    expect(there.replace("there:", "here: ")).toBe(here);
    expect(same).toBe("all weights the same to the bit: true");
  },
};

const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3));

describe("examples/programs", () => {
  beforeAll(() => {
    rmSync(outdir, { recursive: true, force: true });
    buildSync({
      entryPoints: names.map((name) => join(folder, `${name}.ts`)),
      bundle: true,
      platform: "node",
      format: "esm",
      outdir,
    });
  });

  it("are these, and its README lists them", () => {
    expect(names.sort()).toEqual(Object.keys(judged).sort());
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    for (const name of names) expect(readme).toContain(`(${name}.ts)`);
  });

  it.each(names)("%s.ts", { timeout: 120_000 }, async (name) => {
    judged[name](await lines(name));
  });

  it.each(names)("%s.ts is short, and fights with no type", (name) => {
    const text = readFileSync(join(folder, `${name}.ts`), "utf8");
    expect(text.split("\n").length - 1).toBeLessThanOrEqual(40);
    const code = text.replace(/^import .*$/gm, "").replace(/\/\/.*|\/\*\*.*?\*\//g, "");
    expect(code).not.toMatch(/\bas\b|\bany\b|\bunknown\b|@ts-|\w!|satisfies/);
  });
});
