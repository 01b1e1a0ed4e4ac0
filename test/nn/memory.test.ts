/** Memory of a whole process that trains, measured from outside: the heap alone (heap.test.ts) does not show the engine's. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "skipstone-memory-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a TypeScript program that uses the library in a process of its own; returns what it printed, as JSON. */
async function run(name: string, program: string): Promise<unknown> {
  const outfile = join(folder, `${name}.mjs`);
  const stdin = { contents: program, resolveDir: process.cwd(), loader: "ts" } as const;
  await build({ stdin, bundle: true, format: "esm", platform: "node", target: "es2022", outfile });
  return JSON.parse(execFileSync(process.execPath, ["--expose-gc", outfile], { encoding: "utf8" }));
}

const imports = 'import { cifarResNet, crossEntropy, Rng, randn, SGD, tierInUse, valueAndGrad } from "./src/index.ts";';

const MB = 1e6;

it("a ResNet-20 training at batch 32 takes at most 250 MB, the whole process", async () => {
  const measured = (await run(
    "resnet20",
    `${imports}
    const rng = new Rng(1);
    const model = cifarResNet(20, { rng });
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const x = randn([32, 3, 32, 32], rng);
    const labels = Int32Array.from({ length: 32 }, (_, i) => i % 10);
    for (let step = 0; step < 6; step++) {
      optimizer.step(valueAndGrad(() => crossEntropy(model.forward(x), labels)).grads);
    }
    // maxRSS is in kibibytes.
    console.log(JSON.stringify({ tier: tierInUse().name, peak: 1024 * process.resourceUsage().maxRSS }));`,
  )) as { tier: string; peak: number };
  console.log(`ResNet-20, batch 32: the process takes ${(measured.peak / MB).toFixed(0)} MB at most`);
  expect(measured.tier).toBe("simd");
  expect(measured.peak).toBeLessThan(250 * MB);
});

it("over 2,000 steps the process's memory stays flat after warm-up", async () => {
  const sizes = (await run(
    "flat",
    `${imports}
    const rng = new Rng(1);
    const model = cifarResNet(8, { width: 4, rng });
    const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
    const labels = Int32Array.from({ length: 4 }, (_, i) => i);
    const sizes: number[] = [];
    for (let step = 1; step <= 2500; step++) {
      const x = randn([4, 3, 16, 16], rng);
      optimizer.step(valueAndGrad(() => crossEntropy(model.forward(x), labels)).grads);
      if (step % 500 === 0) {
        (globalThis as unknown as { gc(): void }).gc();
        const { rss, heapTotal, heapUsed } = process.memoryUsage();
        sizes.push(rss - heapTotal + heapUsed);
      }
    }
    console.log(JSON.stringify(sizes));`,
  )) as number[];
  console.log(`after 500, 1000, … steps: ${sizes.map((size) => (size / MB).toFixed(0)).join(", ")} MB`);
  const [warm, ...later] = sizes;
  // One forgotten step is about a megabyte. The compiler moves by some. What V8 keeps of its heap for later is not counted: its
  // young generation doubles now and then (Node 26: by 17 and 34 MB), whatever the program does.
  expect(Math.max(...later) - warm).toBeLessThan(25 * MB);
});

it("releaseMemory gives a huge step's memory back, and the next step computes with SIMD as before", async () => {
  const measured = (await run(
    "release",
    `${imports.replace("randn,", "randn, releaseMemory,")}
    const rng = new Rng(1);
    const model = cifarResNet(8, { rng });
    const step = (n: number) => {
      const x = randn([n, 3, 32, 32], new Rng(2));
      return valueAndGrad(() => crossEntropy(model.forward(x), new Int32Array(n))).value.item();
    };
    const rss = async () => {
      for (let i = 0; i < 3; i++) {
        (globalThis as unknown as { gc(): void }).gc();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return process.memoryUsage().rss;
    };
    step(4);
    step(400);
    step(400);
    const huge = await rss();
    const loss = step(4);
    releaseMemory();
    const released = await rss();
    const again = step(4);
    console.log(JSON.stringify({ huge, released, loss, again, tier: tierInUse().name }));`,
  )) as { huge: number; released: number; loss: number; again: number; tier: string };
  expect(measured.huge - measured.released).toBeGreaterThan(150 * MB);
  expect(measured.tier).toBe("simd");
  expect(measured.again).toBe(measured.loss);
});

it("a checkpointed network of 302 layers trains in less than half of the memory, to the same loss", async () => {
  const train = async (checkpoint: boolean): Promise<{ peak: number; loss: number }> =>
    (await run(
      `deep-${checkpoint}`,
      `${imports}
      const rng = new Rng(1);
      const model = cifarResNet(302, { rng, width: 8, order: "pre", checkpoint: ${checkpoint} });
      const x = randn([32, 3, 32, 32], rng);
      let loss = 0;
      const start = process.memoryUsage().rss;
      for (let step = 0; step < 2; step++) {
        loss += valueAndGrad(() => crossEntropy(model.forward(x), new Int32Array(32))).value.item();
      }
      console.log(JSON.stringify({ peak: 1024 * process.resourceUsage().maxRSS - start, loss }));`,
    )) as { peak: number; loss: number };
  const [kept, again] = [await train(false), await train(true)];
  expect(again.loss).toBe(kept.loss);
  expect(again.peak).toBeLessThan(kept.peak / 2);
});
