import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createStore, quantile, type Store } from "../../site/lab/store.ts";

/** One step with loss 1/(step + 1) and the norms of three layers. */
function tell(
  store: Store,
  step: number,
  norms: readonly number[] | null,
  ratios: readonly number[] | null = null,
): void {
  store.add({
    step: step + 1,
    steps: Float32Array.of(step, 1 / (step + 1), 0.5, 0.1, 3),
    rows: norms ? Float32Array.of(step, ...norms) : new Float32Array(),
    ratios: ratios ? Float32Array.of(step, ...ratios) : new Float32Array(),
  });
}

describe("quantile", () => {
  test("lies between two values by their logarithms", () => {
    expect(quantile(Float32Array.of(1e-4, 1e-2), 0.5)).toBeCloseTo(1e-3, 9);
    expect(quantile(Float32Array.of(1, 2, 4, 8, 16), 0.5)).toBe(4);
  });

  test("a zero and an infinity stay what they are", () => {
    expect(quantile(Float32Array.of(0, 0, 1), 0.5)).toBe(0);
    expect(quantile(Float32Array.of(0, 1), 0.4)).toBe(0);
    expect(quantile(Float32Array.of(1, Number.POSITIVE_INFINITY), 0.9)).toBe(Number.POSITIVE_INFINITY);
    expect(quantile(Float32Array.of(1, 1, Number.NaN).sort(), 1)).toBeNaN();
  });
});

describe("a store", () => {
  test("is empty at first", () => {
    const store = createStore(3);
    expect([store.step, store.length, store.flow(), store.ratios()]).toEqual([0, 0, null, null]);
  });

  test("gives the medians of the last 24 measured steps that are not after the one asked for", () => {
    const store = createStore(3);
    for (let step = 0; step < 100; step++) tell(store, step, step % 2 === 0 ? [step, 1, 0] : null);
    const flow = store.flow(51)!;
    expect(flow.step).toBe(50);
    expect([...flow.now]).toEqual([50, 1, 0]);
    // 4, 6, …, 50: between 26 and 28.
    expect(flow.median[0]).toBeCloseTo(Math.sqrt(26 * 28), 4);
    expect([flow.median[1], flow.low[2], flow.high[2]]).toEqual([1, 0, 0]);
    expect(store.flow()!.step).toBe(98);
  });

  test("leaves out what it knows: a network that is made again tells the same once more", () => {
    const store = createStore(3);
    for (let step = 0; step < 10; step++) tell(store, step, [1, 2, 3]);
    for (let step = 0; step < 12; step++) tell(store, step, [1, 2, 3]);
    expect([store.step, store.length, store.losses.length]).toEqual([12, 12, 12]);
  });

  test("never grows beyond its capacity, keeps the newest rows whole, and its steps in order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1500 }), (count) => {
        const store = createStore(1, 128);
        for (let step = 0; step < count; step++) tell(store, step, [step]);
        expect(store.length).toBeLessThanOrEqual(128);
        const steps = Array.from({ length: store.length }, (_, i) => store.rowStep(i));
        expect(steps).toEqual([...steps].sort((a, b) => a - b));
        for (let i = 0; i < store.length; i++) expect(store.row(i)[0]).toBe(store.rowStep(i));
        const newest = steps.slice(-Math.min(count, 64));
        expect(newest).toEqual(newest.map((_, i) => count - newest.length + i));
        if (count > 0) expect(steps[0]).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test("joins losses in pairs and keeps their least, mean and largest", () => {
    const store = createStore(1, 4);
    const losses = Array.from({ length: 200 }, (_, step) => ((step * 37) % 101) + 1);
    losses.forEach((loss, step) => {
      store.add({
        step: step + 1,
        steps: Float32Array.of(step, loss, 0, 0.1, 1),
        rows: new Float32Array(),
        ratios: new Float32Array(),
      });
    });
    expect(store.losses.length).toBeLessThanOrEqual(16);
    const { min, mean, max } = store.lossColumns(0, 200, 1);
    expect(min[0]).toBe(Math.min(...losses));
    expect(max[0]).toBe(Math.max(...losses));
    expect(mean[0]).toBeCloseTo(losses.reduce((a, b) => a + b, 0) / 200, 3);
    const smooth = losses.reduce((m, loss) => m + 0.08 * (loss - m));
    expect(store.losses.mean(store.losses.length - 1)).toBeCloseTo(smooth, 6);
  });

  test("columns without a loss are NaN", () => {
    const store = createStore(1);
    tell(store, 0, null);
    const { min, mean, max } = store.lossColumns(0, 4, 4);
    expect([...min, ...mean, ...max].map((v) => Number.isNaN(v))).toEqual(
      [false, true, true, true].concat([false, true, true, true], [false, true, true, true]),
    );
  });

  test("as CSV: one line a row", () => {
    const store = createStore(2);
    tell(store, 0, [1, 0.5]);
    tell(store, 1, null);
    tell(store, 2, [2, 0.25]);
    expect(store.csv(["conv1", "layer1.0.conv1"]).split("\n")).toEqual([
      "step,loss,correct,learningRate,conv1,layer1.0.conv1",
      "0,1,0.5,0.1,1,0.5",
      "2,0.3333333,0.5,0.1,2,0.25",
      "",
    ]);
  });
});
