import { describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/graph.ts";
import { filterNormalizedDirection, type LandscapeRow, landscape, landscapeSize } from "../../src/flow/landscape.ts";
import { evaluate, Linear, Sequential } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

const stateOf = (model: ReturnType<typeof cifarResNet>): string =>
  JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)));
const rowsOf = async (walk: AsyncIterable<LandscapeRow>): Promise<LandscapeRow[]> => {
  const rows: LandscapeRow[] = [];
  for await (const row of walk) rows.push(row);
  return rows;
};
const net = () => cifarResNet(8, { width: 4, rng: new Rng(2) });

describe("filterNormalizedDirection", () => {
  it("w = [[3, 4], [0, 0]], b = [1, 1]: a filter of length 5, one of length 0, and no step for the bias", () => {
    const model = new Linear(2, 2, { rng: new Rng(0) });
    model.loadStateDict({
      weight: tensor([
        [3, 4],
        [0, 0],
      ]),
      bias: tensor([1, 1]),
    });
    const direction = filterNormalizedDirection(model, new Rng(1));
    const w = direction.get("weight")!;
    expect(Math.hypot(w[0], w[1])).toBeCloseTo(5, 12);
    expect([...w.subarray(2)].map(Math.abs)).toEqual([0, 0]);
    expect([...direction.get("bias")!]).toEqual([0, 0]);
  });

  it("every filter of a network has the length of its weights; batch norm does not move", () => {
    const model = net();
    const direction = filterNormalizedDirection(model, new Rng(1));
    for (const [name, t] of model.namedParameters()) {
      const step = direction.get(name)!;
      if (t.rank < 2) {
        expect(step.every((v) => v === 0)).toBe(true);
        continue;
      }
      const length = t.size / t.shape[0];
      for (let start = 0; start < t.size; start += length) {
        expect(Math.hypot(...step.subarray(start, start + length))).toBeCloseTo(
          Math.hypot(...t.data.subarray(start, start + length)),
          10,
        );
      }
    }
  });
});

describe("the landscape of a quadratic is the quadratic", () => {
  // L(w) = ½‖w‖² over one filter of length 1: L(w + αδ + βη) = ½ + α⟨w, δ⟩ + β⟨w, η⟩ + ½α² + ½β² + αβ⟨δ, η⟩.
  const model = new Linear(4, 1, { bias: false, rng: new Rng(0) });
  model.weight.assign([0.5, 0.5, -0.5, 0.5]);
  const loss = (): number => 0.5 * Array.from(model.weight.data).reduce((sum, v) => sum + v * v, 0);

  it("1-D: second differences are h², and the middle is L(w)", async () => {
    const rows = await rowsOf(landscape(model, loss, { dimensions: 1, points: 5, range: 2 }));
    expect(rows.map(({ index, alpha, beta }) => [index, alpha, beta])).toEqual([
      [0, -2, 0],
      [1, -1, 0],
      [2, 0, 0],
      [3, 1, 0],
      [4, 2, 0],
    ]);
    expect(rows[2].loss).toBe(0.5);
    for (let i = 1; i < 4; i++) {
      // The weights are float32: 2⁻²⁴ relative each.
      expect(rows[i - 1].loss - 2 * rows[i].loss + rows[i + 1].loss).toBeCloseTo(1, 5);
    }
  });

  it("2-D: the quadratic with the coefficients of the two directions", async () => {
    const options = { dimensions: 2, points: 3, seed: 5 } as const;
    const rng = new Rng(5);
    const [d, e] = [0, 1].map((k) => filterNormalizedDirection(model, rng.fork(`direction ${k}`)).get("weight")!);
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Array.from(a).reduce((sum, v, i) => sum + v * b[i], 0);
    const w = model.weight.data;
    const rows = await rowsOf(landscape(model, loss, options));
    expect(rows).toHaveLength(9);
    for (const { alpha: a, beta: b, loss: found } of rows) {
      const expected = 0.5 + a * dot(w, d) + b * dot(w, e) + 0.5 * a * a + 0.5 * b * b + a * b * dot(d, e);
      expect(found).toBeCloseTo(expected, 6);
    }
    expect(rows.map(({ alpha, beta }) => `${alpha},${beta}`).slice(0, 4)).toEqual(["-1,-1", "0,-1", "1,-1", "-1,0"]);
  });
});

describe("landscape of a network", () => {
  const model = net();
  const data = [{ x: randn([4, 3, 8, 8], new Rng(3)), labels: [0, 1, 2, 3] }];
  const measure = async (): Promise<number> => (await evaluate(model, data)).loss;

  it("the trained weights' loss is in the middle, others are elsewhere; the model stays as it was", async () => {
    const before = stateOf(model);
    const rows = await rowsOf(landscape(model, measure, { dimensions: 1, points: 3 }));
    expect(stateOf(model)).toBe(before);
    expect(rows[1].loss).toBe(await measure());
    expect(rows[0].loss).not.toBe(rows[1].loss);
  });

  it("between two points, and after one that failed, the model is itself", async () => {
    const before = stateOf(model);
    for await (const _ of landscape(model, measure, { dimensions: 1, points: 3 })) {
      expect(stateOf(model)).toBe(before);
    }
    const failing = landscape(
      model,
      () => {
        noGrad(() => model.train().forward(data[0].x)); // also moves the running statistics
        throw new Error("stop");
      },
      { dimensions: 1 },
    );
    await expect(failing.next()).rejects.toThrow("stop");
    expect(stateOf(model)).toBe(before);
  });

  it("resumed from any point it gives what it would have given", async () => {
    const options = { dimensions: 2, points: 3, seed: 1 } as const;
    const whole = await rowsOf(landscape(model, measure, options));
    const done: LandscapeRow[] = JSON.parse(JSON.stringify([whole[0], whole[1], whole[5]]));
    const rest = await rowsOf(landscape(model, measure, { ...options, done }));
    expect(rest.map(({ index }) => index)).toEqual([2, 3, 4, 6, 7, 8]);
    expect([...done, ...rest].sort((a, b) => a.index - b.index)).toEqual(whole);
    expect(landscapeSize(options)).toBe(whole.length);
  });

  it("other seeds, other directions", async () => {
    const at = async (seed: number): Promise<number> =>
      (await landscape(model, measure, { dimensions: 1, seed }).next()).value.loss;
    expect(await at(1)).toBe(await at(1));
    expect(await at(1)).not.toBe(await at(2));
  });

  it("errors by message", async () => {
    const start = (options: object): Promise<unknown> =>
      landscape(new Sequential(), () => 0, { dimensions: 1, ...options }).next();
    await expect(start({ dimensions: 3 })).rejects.toThrow("landscape: dimensions must be 1 or 2, got 3");
    await expect(start({ points: 1 })).rejects.toThrow("landscape: points must be a whole number of 2 or more, got 1");
    await expect(start({ range: 0 })).rejects.toThrow("landscape: range must be a finite number above 0, got 0");
    await expect(start({ points: 3, done: [{ index: 1, alpha: 0.5, beta: 0, loss: 1 }] })).rejects.toThrow(
      "landscape: the row 1 at (0.5, 0) in done is not on this grid: it was computed with other options",
    );
  });
});
