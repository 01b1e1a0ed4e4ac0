/**
 * The deepest networks of the papers train: 1202 layers of basic blocks and 1001 of bottlenecks, on images of 32×32, within
 * 4 GB for the whole process.
 */
import { describe, expect, it } from "vitest";
import { runProgram } from "../support/process.ts";

const GB = 1e9;

interface Measured {
  blocks: number;
  losses: number[];
  /** How many of all parameters the three steps changed, as a fraction. */
  changed: number;
  seconds: number[];
  peak: number;
}

describe.each([
  ["ResNet-1202", 1202, "basic", "post", 600],
  ["pre-activation ResNet-1001", 1001, "bottleneck", "pre", 333],
] as const)("%s", (name, depth, block, order, blocks) => {
  it("trains three steps on batches of 4", { timeout: 300_000 }, async () => {
    const measured = (await runProgram(`
      import { cifarResNet, crossEntropy, Rng, randn, SGD, valueAndGrad } from "./src/index.ts";
      const rng = new Rng(1);
      const model = cifarResNet(${depth}, { block: "${block}", order: "${order}", rng });
      const before = model.parameters().map((t) => t.data.slice());
      const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
      const x = randn([4, 3, 32, 32], rng);
      const losses: number[] = [];
      const seconds: number[] = [];
      for (let step = 0; step < 3; step++) {
        const start = performance.now();
        const { value, grads } = valueAndGrad(() => crossEntropy(model.forward(x), [1, 2, 3, 4]));
        losses.push(value.item());
        optimizer.step(grads);
        seconds.push((performance.now() - start) / 1000);
      }
      let changed = 0;
      model.parameters().forEach((t, i) => t.data.forEach((v: number, k: number) => (changed += v !== before[i][k] ? 1 : 0)));
      changed /= model.parameterCount();
      // maxRSS is in kibibytes.
      const peak = 1024 * process.resourceUsage().maxRSS;
      console.log(JSON.stringify({ blocks: model.blocks().length, losses, changed, seconds, peak }));`)) as Measured;
    const { losses, seconds, peak } = measured;
    console.log(
      `${name}: losses ${losses.map((v) => v.toFixed(2)).join(", ")}; ${seconds.map((v) => v.toFixed(1)).join(", ")} s; ${(peak / GB).toFixed(2)} GB`,
    );
    expect(measured.blocks).toBe(blocks);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(measured.changed).toBeGreaterThan(0.99);
    expect(peak).toBeLessThan(4 * GB);
  });
});
