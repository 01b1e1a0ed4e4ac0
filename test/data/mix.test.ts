/** mixup and CutMix, by their definitions. */
import { describe, expect, it } from "vitest";
import { crossEntropy } from "../../src/autograd/index.ts";
import { cutmix, type ImageBatch, type MixedBatch, type MixOptions, mixup } from "../../src/data/index.ts";
import { Rng, randn } from "../../src/tensor/index.ts";

const B = 3;
const batch: ImageBatch = { x: randn([B, 2, 7, 5], new Rng(1)), labels: Int32Array.of(2, 0, 0) };
const before = (n: number): number => (n + B - 1) % B;

/** What is left of each image's own class, from the labels of the first, whose classes are two. */
const keptOf = ({ labels }: MixedBatch): number => labels.data[2];

describe.each([
  ["mixup", mixup],
  ["cutmix", cutmix],
] as const)("%s", (name, mix) => {
  it("labels: what is left of the image's own class, the rest of the one before", () => {
    const mixed = mix(batch, { classes: 4, rng: new Rng(2) });
    const kept = keptOf(mixed);
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(1);
    const rest = Math.fround(1 - kept);
    const [first, second, third] = [0, 4, 8].map((at) => Array.from(mixed.labels.data.subarray(at, at + 4)));
    [
      [rest, 0, kept, 0],
      [kept, 0, rest, 0],
      [1, 0, 0, 0],
    ].forEach((expected, n) => {
      expected.forEach((p, c) => {
        expect([first, second, third][n][c]).toBeCloseTo(p, 6);
      });
    });
  });

  it("the batch itself stays; the same seed mixes the same", () => {
    const copy = batch.x.clone();
    const mixed = mix(batch, { classes: 3, rng: new Rng(2) });
    expect(batch.x).toEqual(copy);
    expect(mix(batch, { classes: 3, rng: new Rng(2) })).toEqual(mixed);
    expect(mix(batch, { classes: 3, rng: new Rng(6) })).not.toEqual(mixed);
  });

  it("crossEntropy takes its labels: the loss is the mixture of the two losses", () => {
    const mixed = mix(batch, { classes: 3, rng: new Rng(2) });
    const logits = randn([B, 3], new Rng(9));
    const kept = keptOf(mixed);
    const own = crossEntropy(logits, batch.labels).item();
    const others = crossEntropy(
      logits,
      Int32Array.from(batch.labels, (_, n) => batch.labels[before(n)]),
    ).item();
    expect(crossEntropy(logits, mixed.labels).item()).toBeCloseTo(kept * own + (1 - kept) * others, 5);
  });

  it.each([
    [{ ...batch, labels: Int32Array.of(1, 2) }, {}, `${name}: batch.labels must be 3 class numbers, got 2`],
    [batch, { classes: 2 }, `${name}: batch.labels[0] must be a whole number from 0 to 1, got 2`],
    [batch, { alpha: 0 }, `${name}: alpha must be a number above 0, got 0`],
    [{ ...batch, x: randn([3, 2], new Rng(1)) }, {}, `${name}: batch.x must be [B, C, H, W], got [3,2]`],
  ])("refuses %#", (given, options, message) => {
    expect(() => mix(given, { classes: 3, rng: new Rng(1), ...options })).toThrow(message);
  });
});

describe("mixup", () => {
  it("pixels: the same share as of the labels", () => {
    const mixed = mixup(batch, { classes: 3, rng: new Rng(2) });
    const kept = keptOf(mixed);
    const size = 70;
    const { data } = batch.x;
    mixed.x.data.forEach((v, i) => {
      const n = Math.floor(i / size);
      expect(v).toBeCloseTo(kept * data[i] + (1 - kept) * data[before(n) * size + (i % size)], 5);
    });
  });

  // The variance of Beta(α, α) is 1 / (4 (2α + 1)); its standard error over 4000 draws is below 0.002.
  it.each([0.05, 0.2, 1, 3])("λ is drawn from Beta(%d, same)", (alpha) => {
    const rng = new Rng(7);
    const options: MixOptions = { classes: 3, rng, alpha };
    const small: ImageBatch = { x: randn([3, 1, 1, 1], new Rng(1)), labels: batch.labels };
    const lambdas = Array.from({ length: 4000 }, () => keptOf(mixup(small, options)));
    const mean = lambdas.reduce((sum, v) => sum + v, 0) / lambdas.length;
    const variance = lambdas.reduce((sum, v) => sum + (v - mean) ** 2, 0) / lambdas.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1 / (4 * (2 * alpha + 1)))).toBeLessThan(0.008);
  });
});

describe("cutmix", () => {
  it("a box of the image before, of the area that the labels say; the rest stays", () => {
    let boxes = 0;
    for (let seed = 0; seed < 40; seed++) {
      const mixed = cutmix(batch, { classes: 3, rng: new Rng(seed) });
      const { data } = batch.x;
      const box: string[] = [];
      mixed.x.data.forEach((v, i) => {
        const [n, pixel] = [Math.floor(i / 70), i % 35];
        if (v === data[i]) return;
        expect(v).toBe(data[before(n) * 70 + (i % 70)]);
        if (i < 35) box.push(`${Math.floor(pixel / 5)},${pixel % 5}`);
      });
      const rows = new Set(box.map((place) => place.split(",")[0])).size;
      const columns = new Set(box.map((place) => place.split(",")[1])).size;
      expect(box.length).toBe(rows * columns);
      expect(keptOf(mixed)).toBeCloseTo(1 - box.length / 35, 6);
      if (box.length > 0) boxes++;
    }
    expect(boxes).toBeGreaterThan(20);
  });
});
