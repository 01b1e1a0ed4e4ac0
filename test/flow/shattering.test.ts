import { describe, expect, it } from "vitest";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { autocorrelation, lineGradients, shattering } from "../../src/flow/shattering.ts";
import { init, Linear, Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** f(x) = x², so ∂f/∂x = 2x. */
class Square extends Module {
  forward(x: Tensor): Tensor {
    return mul(x, x);
  }
}

describe("lineGradients", () => {
  it("x² at −2, −1, 0, 1, 2: ±(−4, −2, 0, 2, 4), the sign being u's", () => {
    const { spacing, size, values } = lineGradients(new Square(), tensor([[-2]]), tensor([[2]]), { points: 5 });
    expect([spacing, size]).toEqual([1, 1]);
    const sign = Math.sign(values[4]);
    expect([...values].map((v) => v * sign)).toEqual([-4, -2, -0, 2, 4].map((v) => (sign < 0 ? v : v) + 0));
  });

  it("u is a unit vector, the same for every point: for x² in the plane the gradient is 2·u∘x", () => {
    const { values } = lineGradients(new Square(), tensor([[1, 1]]), tensor([[3, 3]]), { points: 3, seed: 4 });
    const u = [values[0] / 2, values[1] / 2];
    expect(Math.hypot(...u)).toBeCloseTo(1, 6);
    for (let t = 0; t < 3; t++) {
      expect(values[2 * t]).toBeCloseTo(2 * u[0] * (t + 1), 5);
      expect(values[2 * t + 1]).toBeCloseTo(2 * u[1] * (t + 1), 5);
    }
  });

  it("in evaluation mode the batch size does not matter; the model stays as it was", () => {
    const model = cifarResNet(8, { width: 4, rng: new Rng(0) }).eval();
    const [from, to] = [randn([1, 3, 8, 8], new Rng(1)), randn([1, 3, 8, 8], new Rng(2))];
    const all = lineGradients(model, from, to, { points: 7 });
    const three = lineGradients(model, from, to, { points: 7, batchSize: 3 });
    const largest = Math.max(...all.values.map(Math.abs));
    // The kernels may group a sum differently for another batch size: some float32 roundings.
    three.values.forEach((v, i) => {
      expect(Math.abs(v - all.values[i])).toBeLessThan(1e-5 * largest);
    });
    expect(model.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
  });

  it("errors by message", () => {
    const x = tensor([[1]]);
    expect(() => lineGradients(new Square(), x, tensor([[1, 2]]))).toThrow(
      "lineGradients: both ends must be one input, [1, …], of one shape, got [1,1] and [1,2]",
    );
    expect(() => lineGradients(new Square(), zeros([2, 1]), zeros([2, 1]))).toThrow("one input, [1, …]");
    expect(() => lineGradients(new Square(), x, x, { points: 1 })).toThrow(
      "lineGradients: points must be a whole number of 2 or more, got 1",
    );
    expect(() => lineGradients(new Square(), x, x, { batchSize: 0 })).toThrow("batchSize must be a whole number of 1");
  });
});

describe("autocorrelation", () => {
  const series = (values: readonly number[]) => ({ spacing: 0.5, size: 1, values: Float64Array.from(values) });

  it("by hand: 1, −1, 1, −1 gives 1, −3/4, 1/2, −1/4", () => {
    expect(autocorrelation(series([1, -1, 1, -1]), 3)).toEqual([
      { lag: 0, distance: 0, autocorrelation: 1 },
      { lag: 1, distance: 0.5, autocorrelation: -0.75 },
      { lag: 2, distance: 1, autocorrelation: 0.5 },
      { lag: 3, distance: 1.5, autocorrelation: -0.25 },
    ]);
  });

  it("white noise: nothing beyond lag 0, within 4/√n; its running sum (brown noise) stays close to 1", () => {
    const rng = new Rng(5);
    const white = Array.from({ length: 2000 }, () => rng.normal());
    let sum = 0;
    const brown = white.map((v) => (sum += v));
    for (const row of autocorrelation(series(white), 20).slice(1)) {
      expect(Math.abs(row.autocorrelation)).toBeLessThan(4 / Math.sqrt(2000));
    }
    for (const row of autocorrelation(series(brown), 20)) expect(row.autocorrelation).toBeGreaterThan(0.9);
  });

  it("gradients that do not change, as a linear model's: 1 at every lag", () => {
    const linear = new Linear(3, 2, { rng: new Rng(6) });
    const rows = shattering(linear, zeros([1, 3]), tensor([[1, 2, 3]]), { points: 8, maxLag: 2 });
    expect(rows.map((row) => row.autocorrelation)).toEqual([1, 1, 1]);
  });

  it("maxLag is a quarter of the points unless given, and below their number", () => {
    expect(autocorrelation(series([1, 2, 3, 4, 6, 6, 7, 8]))).toHaveLength(3);
    expect(() => autocorrelation(series([1, 2]), 2)).toThrow(
      "autocorrelation: maxLag must be a whole number from 0 to 1, got 2",
    );
  });
});

describe("plain against residual, after Balduzzi et al. 2017, Fig. 1", () => {
  const width = 100;
  const layer = (inputs: number, rng: Rng): Linear => {
    const linear = new Linear(inputs, width, { rng, init: init.kaimingNormal });
    init.normal(linear.bias!, rng, { std: 0.1 });
    return linear;
  };

  /** y = x + 0.1·relu(Wx + b). */
  class Residual extends Module {
    readonly inner: Linear;

    constructor(rng: Rng) {
      super();
      this.inner = layer(width, rng);
    }

    forward(x: Tensor): Tensor {
      return add(x, mul(new ReLU().forward(this.inner.forward(x)), 0.1));
    }
  }

  /** Autocorrelation at the distance 0.125, mean of three nets with `depth` layers. */
  const correlation = (depth: number, residual: boolean): number => {
    const values = [0, 1, 2].map((seed) => {
      const rng = new Rng(seed);
      const inner = Array.from({ length: depth - 1 }, () =>
        residual ? [new Residual(rng)] : [layer(width, rng), new ReLU()],
      ).flat();
      const net = new Sequential(layer(1, rng), new ReLU(), ...inner, new Linear(width, 1, { rng }));
      return shattering(net, tensor([[-2]]), tensor([[2]]), { points: 129, maxLag: 4 })[4].autocorrelation;
    });
    return values.reduce((a, b) => a + b) / 3;
  };

  it("1 layer is smooth, 24 plain layers are shattered, 50 residual layers are not", () => {
    const [shallow, plain, residual] = [correlation(1, false), correlation(24, false), correlation(50, true)];
    expect(shallow).toBeGreaterThan(0.8);
    expect(plain).toBeLessThan(0.5);
    expect(residual).toBeGreaterThan(0.75);
  });
});
