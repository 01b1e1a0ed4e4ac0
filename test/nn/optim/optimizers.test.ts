/**
 * SGD, Adam, AdamW and RMSprop against their definitions, written out once more in plain arithmetic. PyTorch's own numbers:
 * golden.test.ts.
 */
import { describe, expect, it } from "vitest";
import { backward, Gradients } from "../../../src/autograd/backward.ts";
import { mul } from "../../../src/autograd/elementwise.ts";
import { noGrad } from "../../../src/autograd/graph.ts";
import { sum } from "../../../src/autograd/reduce.ts";
import { Adam, AdamW, Linear, type Optimizer, RMSprop, type RmspropOptions, SGD } from "../../../src/nn/index.ts";
import { tensor } from "../../../src/tensor/create.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { owned, type Tensor } from "../../../src/tensor/tensor.ts";
import { useKernels } from "../../../src/tensor/tier.ts";

/** A parameter in float64, so that definitions can be compared without rounding in between. */
const parameterOf = (...values: number[]): Tensor => owned(Float64Array.from(values), [values.length], true);

const gradientsOf = (...pairs: [Tensor, number[]][]): Gradients =>
  new Gradients(new Map(pairs.map(([t, g]) => [t, owned(Float64Array.from(g), t.shape)])));

/** Runs the optimiser on one number with the given gradients and lists the value after each step. */
function run(make: (w: Tensor) => Optimizer, start: number, gradients: readonly number[]): number[] {
  const w = parameterOf(start);
  const optimizer = make(w);
  return gradients.map((g) => {
    optimizer.step(gradientsOf([w, [g]]));
    return w.item();
  });
}

const rng = new Rng(4);
const gradients = Array.from({ length: 12 }, () => rng.normal());

function expectClose(got: readonly number[], expected: readonly number[]): void {
  got.forEach((value, i) => {
    expect(value, `step ${i}`).toBeCloseTo(expected[i], 12);
  });
}

describe("SGD", () => {
  it("w ← w − lr·g, by eye", () => {
    expectClose(
      run((w) => new SGD([w], { lr: 0.1 }), 1, [2, -3]),
      [0.8, 1.1],
    );
  });

  it("momentum keeps the gradient itself in the first step, by eye", () => {
    // v = 1, then 0.5·1 + 1 = 1.5, then 0.5·1.5 + 1 = 1.75
    expectClose(
      run((w) => new SGD([w], { lr: 1, momentum: 0.5 }), 0, [1, 1, 1]),
      [-1, -2.5, -4.25],
    );
  });

  it.each([
    { momentum: 0.9, dampening: 0, weightDecay: 0, nesterov: false },
    { momentum: 0.9, dampening: 0.3, weightDecay: 0, nesterov: false },
    { momentum: 0.9, dampening: 0, weightDecay: 0.1, nesterov: true },
    { momentum: 0, dampening: 0, weightDecay: 0.1, nesterov: false },
    { momentum: 0.8, dampening: 0.5, weightDecay: 0.2, nesterov: false },
  ])("against the definition: %j", (options) => {
    let w = 0.7;
    let v: number | undefined;
    const expected = gradients.map((gradient) => {
      const g = gradient + options.weightDecay * w;
      v = v === undefined ? g : options.momentum * v + (1 - options.dampening) * g;
      const direction = options.momentum === 0 ? g : options.nesterov ? g + options.momentum * v : v;
      w -= 0.05 * direction;
      return w;
    });
    expectClose(
      run((p) => new SGD([p], { lr: 0.05, ...options }), 0.7, gradients),
      expected,
    );
  });

  it("a new learning rate acts at once, on the whole velocity", () => {
    const w = parameterOf(0);
    const optimizer = new SGD([w], { lr: 1, momentum: 0.5 });
    optimizer.step(gradientsOf([w, [1]]));
    optimizer.lr = 0.1;
    optimizer.step(gradientsOf([w, [1]]));
    expect(w.item()).toBeCloseTo(-1.15, 12);
  });

  it("momentum may be set from 0 between steps", () => {
    const w = parameterOf(0);
    const optimizer = new SGD([w], { lr: 1 });
    optimizer.step(gradientsOf([w, [1]]));
    optimizer.momentum = 0.5;
    optimizer.step(gradientsOf([w, [1]]));
    optimizer.step(gradientsOf([w, [1]]));
    expect(w.item()).toBe(-3.5);
  });
});

describe("Adam and AdamW", () => {
  it("the first step moves by lr whatever the gradient's size", () => {
    for (const g of [1e-3, 1, 1e3]) {
      expect(run((w) => new Adam([w], { lr: 0.1, eps: 0 }), 1, [g])[0]).toBeCloseTo(0.9, 12);
    }
  });

  it.each([
    { Class: Adam, weightDecay: 0, betas: [0.9, 0.999] as const, eps: 1e-8 },
    { Class: Adam, weightDecay: 0.1, betas: [0.5, 0.8] as const, eps: 0.1 },
    { Class: AdamW, weightDecay: 0.1, betas: [0.5, 0.8] as const, eps: 0.1 },
  ])("against the definition: $Class.name weightDecay $weightDecay", ({ Class, weightDecay, betas, eps }) => {
    const lr = 0.05;
    let [w, m, v] = [0.7, 0, 0];
    const expected = gradients.map((gradient, i) => {
      const g = Class === Adam ? gradient + weightDecay * w : gradient;
      if (Class === AdamW) w *= 1 - lr * weightDecay;
      m = betas[0] * m + (1 - betas[0]) * g;
      v = betas[1] * v + (1 - betas[1]) * g * g;
      w -= (lr * (m / (1 - betas[0] ** (i + 1)))) / (Math.sqrt(v / (1 - betas[1] ** (i + 1))) + eps);
      return w;
    });
    expectClose(
      run((p) => new Class([p], { lr, betas, eps, weightDecay }), 0.7, gradients),
      expected,
    );
  });

  it("AdamW decays by default, Adam does not", () => {
    expect(run((w) => new AdamW([w], { lr: 0.1 }), 1, [0])[0]).toBeCloseTo(0.999, 12);
    expect(run((w) => new Adam([w], { lr: 0.1 }), 1, [0])[0]).toBe(1);
  });

  it("momentum is β₁", () => {
    const w = parameterOf(0);
    const optimizer = new Adam([w], { lr: 1, betas: [0.7, 0.9] });
    expect(optimizer.momentum).toBe(0.7);
    const same = run((p) => new AdamW([p], { lr: 1, betas: [0.2, 0.9], weightDecay: 0 }), 0, gradients);
    optimizer.momentum = 0.2;
    gradients.forEach((g, i) => {
      optimizer.step(gradientsOf([w, [g]]));
      expect(w.item()).toBe(same[i]);
    });
  });
});

describe("RMSprop", () => {
  it.each<RmspropOptions>([
    {},
    { alpha: 0.5, eps: 0.1, weightDecay: 0.1 },
    { momentum: 0.8 },
    { centered: true, eps: 0.1 },
    { centered: true, momentum: 0.5, weightDecay: 0.2, maximize: true },
  ])("against the definition: %j", (options) => {
    const { alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0, centered = false, maximize = false } = options;
    let [w, s, m, v] = [0.7, 0, 0, 0];
    const expected = gradients.map((gradient) => {
      const g = (maximize ? -gradient : gradient) + weightDecay * w;
      s = alpha * s + (1 - alpha) * g * g;
      m = alpha * m + (1 - alpha) * g;
      v = momentum * v + g / (Math.sqrt(centered ? s - m * m : s) + eps);
      w -= 0.05 * v;
      return w;
    });
    expectClose(
      run((p) => new RMSprop([p], { lr: 0.05, ...options }), 0.7, gradients),
      expected,
    );
  });

  it("momentum set to 0 between steps: the velocity rests until it is set again, as PyTorch's", () => {
    const w = parameterOf(0);
    const optimizer = new RMSprop([w], { lr: 1, alpha: 0, eps: 0, momentum: 0.5 });
    const moves = [0.5, 0, 0.5].map((momentum) => {
      optimizer.momentum = momentum;
      const before = w.item();
      optimizer.step(gradientsOf([w, [2]]));
      return before - w.item();
    });
    expect(moves).toEqual([1, 1, 1.5]);
  });
});

describe("maximize", () => {
  it.each([
    ["SGD", (p: Tensor[]) => new SGD(p, { lr: 0.1, maximize: true })],
    ["Adam", (p: Tensor[]) => new Adam(p, { lr: 0.1, maximize: true })],
    ["AdamW", (p: Tensor[]) => new AdamW(p, { lr: 0.1, weightDecay: 0, maximize: true })],
    ["RMSprop", (p: Tensor[]) => new RMSprop(p, { lr: 0.1, alpha: 0, maximize: true })],
  ])("%s climbs by 0.1 on a gradient of 1", (_, make) => {
    expect(run((w) => make([w]), 1, [1])[0]).toBeCloseTo(1.1, 6);
  });

  it("a group's own: one part climbs, the other descends", () => {
    const [a, b] = [parameterOf(0), parameterOf(0)];
    const optimizer = new SGD([{ parameters: [a] }, { parameters: [b], maximize: true }], { lr: 1 });
    optimizer.step(gradientsOf([a, [1]], [b, [1]]));
    expect([a.item(), b.item()]).toEqual([-1, 1]);
  });
});

it("AMSGrad never divides by less than before", () => {
  // One large gradient, then small ones: Adam's steps grow again as it forgets, AMSGrad's do not.
  const series = [100, ...Array.from({ length: 30 }, () => 1)];
  const last = (amsgrad: boolean): number => {
    const path = run((w) => new Adam([w], { lr: 0.1, betas: [0, 0.5], amsgrad }), 0, series);
    return path[29] - path[30];
  };
  expect(last(false)).toBeCloseTo(0.1, 3);
  expect(last(true)).toBeLessThan(0.002);
});

describe.each([
  ["SGD", (p: ConstructorParameters<typeof SGD>[0], lr: number): Optimizer => new SGD(p, { lr })],
  ["Adam", (p: ConstructorParameters<typeof Adam>[0], lr: number): Optimizer => new Adam(p, { lr })],
  ["AdamW", (p: ConstructorParameters<typeof AdamW>[0], lr: number): Optimizer => new AdamW(p, { lr, weightDecay: 0 })],
  // With α = 0 each step is lr·g/|g|.
  ["RMSprop", (p: ConstructorParameters<typeof RMSprop>[0], lr: number): Optimizer => new RMSprop(p, { lr, alpha: 0 })],
] as const)("%s", (_, make) => {
  it("leaves parameters without a gradient alone", () => {
    const [a, b] = [parameterOf(1), parameterOf(1)];
    make([a, b], 0.1).step(gradientsOf([a, [1]]));
    expect(a.item()).toBeCloseTo(0.9, 6);
    expect(b.item()).toBe(1);
    expect(b.version).toBe(0);
  });

  it("a graph recorded before the step refuses to run backward", () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const loss = sum(mul(w, w));
    make([w], 0.1).step(backward(loss));
    expect(() => backward(loss)).toThrow("was changed in place after the forward pass");
  });

  it("does not change the gradients", () => {
    const w = parameterOf(1, 2);
    const grads = gradientsOf([w, [3, 4]]);
    make([w], 0.1).step(grads);
    expect(grads.get(w).toArray()).toEqual([3, 4]);
  });

  it("a group with a learning rate of its own follows lr in proportion", () => {
    const [a, b] = [parameterOf(0), parameterOf(0)];
    const optimizer = make([{ parameters: [a] }, { parameters: [b], lr: 0.01 }], 0.1);
    optimizer.step(gradientsOf([a, [1]], [b, [1]]));
    expect(a.item()).toBeCloseTo(-0.1, 6);
    expect(b.item()).toBeCloseTo(-0.01, 6);
    optimizer.lr = 0.2;
    optimizer.step(gradientsOf([a, [1]], [b, [1]]));
    expect(a.item()).toBeCloseTo(-0.3, 6);
    expect(b.item()).toBeCloseTo(-0.03, 6);
    expect(optimizer.parameters).toEqual([a, b]);
  });

  it("errors: no parameter, one twice, one computed, lr out of range", () => {
    const w = parameterOf(1);
    expect(() => make([], 0.1)).toThrow("there is no parameter to train");
    expect(() => make([w, w], 0.1)).toThrow("the parameter [1] is named twice");
    expect(() => make([{ parameters: [w] }, { parameters: [w] }], 0.1)).toThrow("the parameter [1] is named twice");
    expect(() => make([mul(w, 2)], 0.1)).toThrow("the tensor [1] was computed (by mul): only leaves can be trained");
    expect(() => make([w], -1)).toThrow("lr must be a finite number of 0 or more, got -1");
    expect(() => make([w], Number.NaN)).toThrow("lr must be a finite number of 0 or more, got NaN");
    expect(() => make([{ parameters: [w], lr: 0.1 }], 0)).toThrow("needs an optimiser with lr above 0");
  });
});

describe.each([
  [
    "SGD",
    (p: ConstructorParameters<typeof SGD>[0], options: object) => new SGD(p, { lr: 0.1, momentum: 0.9, ...options }),
  ],
  ["Adam", (p: ConstructorParameters<typeof Adam>[0], options: object) => new Adam(p, options)],
  ["AdamW", (p: ConstructorParameters<typeof AdamW>[0], options: object) => new AdamW(p, options)],
  ["RMSprop", (p: ConstructorParameters<typeof RMSprop>[0], options: object) => new RMSprop(p, options)],
] as const)("%s refuses", (name, make) => {
  const step =
    (optimizer: Optimizer, grads: Gradients): (() => void) =>
    () =>
      optimizer.step(grads);

  it("rates and momenta that are none, in the setter; the old ones stay", () => {
    const optimizer = make([parameterOf(1)], {});
    const { lr, momentum } = optimizer;
    for (const value of [-5, Number.NaN, Infinity, 1e39, "0.1", undefined, null]) {
      expect(() => {
        optimizer.lr = value as number;
      }).toThrow(`${name}: lr must be a finite number of 0 or more, got `);
      expect(() => {
        optimizer.momentum = value as number;
      }).toThrow(`${name}: momentum must be `);
    }
    expect([optimizer.lr, optimizer.momentum]).toEqual([lr, momentum]);
    optimizer.lr = 0;
    expect(optimizer.lr).toBe(0);
  });

  it("gradients of which none is its parameters'", () => {
    const [w, other] = [parameterOf(1), parameterOf(2)];
    const optimizer = make([w], {});
    expect(step(optimizer, gradientsOf([other, [1]]))).toThrow(
      `${name}: none of its 1 parameters received a gradient: was it made for another model`,
    );
    w.requiresGrad = false;
    expect(step(optimizer, gradientsOf([other, [1]]))).toThrow("all of them are frozen (requiresGrad = false)");
    expect(w.item()).toBe(1);
  });

  it("a gradient of another shape, before the first parameter is written", () => {
    const [w, v] = [parameterOf(1), parameterOf(1, 2)];
    const optimizer = make([w, v], {});
    const grads = new Gradients(
      new Map([
        [w, tensor([1])],
        [v, tensor([1])],
      ]),
    );
    expect(step(optimizer, grads)).toThrow(`${name}: the gradient [1] does not have the shape of its parameter [2]`);
    expect([w.item(), w.version, v.version]).toEqual([1, 0, 0]);
  });

  it("gradients of a step that is over, before the first parameter is written", () => {
    const [w, v] = [tensor([1], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
    const before = useKernels("simd");
    let gone: Gradients | undefined;
    noGrad(() => {
      gone = new Gradients(
        new Map([
          [w, tensor([1])],
          [v, mul(v, 2)],
        ]),
      );
    });
    expect(step(make([w, v], {}), gone!)).toThrow("are gone with the step that computed them");
    useKernels(before);
    expect([w.item(), w.version]).toEqual([1, 0]);
  });

  it("what are no gradients", () => {
    for (const [value, shown] of [
      [undefined, "undefined"],
      [[1], "an array of 1"],
    ] as const) {
      expect(step(make([parameterOf(1)], {}), value as never)).toThrow(
        `${name}: step takes the gradients that backward or valueAndGrad returned, got ${shown}`,
      );
    }
  });

  it("options that do not exist, its own and a group's", () => {
    const w = parameterOf(1);
    expect(() => make([w], { learningRate: 0.1 })).toThrow(
      `${name}: there is no option "learningRate": did you mean "lr"?`,
    );
    expect(() => make([w], { weight_decay: 0.1 })).toThrow('did you mean "weightDecay"?');
    expect(() => make([{ parameters: [w], weight_decay: 0 } as never], {})).toThrow(
      `${name}: group 0: there is no option "weight_decay": did you mean "weightDecay"?`,
    );
    expect(() => make([{ parameters: [w], lr: -1 }], {})).toThrow(`${name}: lr must be a finite number of 0 or more`);
    expect(() => make([{ parameters: [w], weightDecay: "0" as never }], {})).toThrow(
      `${name}: weightDecay must be a finite number of 0 or more, got "0"`,
    );
  });

  it("what is no list of parameters", () => {
    const model = new Linear(2, 2, { rng });
    expect(() => make(model as never, {})).toThrow(
      `${name}: takes a list of parameters, such as model.parameters(), or of groups, got a Linear`,
    );
    expect(() => make(model.namedParameters() as never, {})).toThrow("a parameter must be a tensor, got an array of 2");
    expect(() => make([{ parameters: model.parameters() }, parameterOf(1)] as never, {})).toThrow(
      `${name}: group 1 must be { parameters, … }, got a Tensor`,
    );
  });

  it("an option that is there and undefined is left out", () => {
    const [a, b] = [parameterOf(1), parameterOf(1)];
    const undefinedOptions = { weightDecay: undefined };
    make([{ parameters: [a], ...undefinedOptions } as never], undefinedOptions).step(gradientsOf([a, [0]]));
    make([b], {}).step(gradientsOf([b, [0]]));
    expect(a.item()).toBe(b.item());
  });
});

it("a group's rate that becomes infinite in proportion is refused before the first parameter is written", () => {
  const [a, b] = [parameterOf(1), parameterOf(1)];
  const optimizer = new SGD([{ parameters: [a] }, { parameters: [b], lr: 1e30 }], { lr: 1 });
  optimizer.lr = 1e20;
  expect(() => optimizer.step(gradientsOf([a, [1]], [b, [1]]))).toThrow("SGD: a group's lr must be a finite number");
  expect(a.item()).toBe(1);
});

it("a group's weight decay is its own: biases are often not decayed", () => {
  const [w, b] = [parameterOf(1), parameterOf(1)];
  const optimizer = new SGD([{ parameters: [w] }, { parameters: [b], weightDecay: 0 }], { lr: 0.1, weightDecay: 0.5 });
  optimizer.step(gradientsOf([w, [0]], [b, [0]]));
  expect(w.item()).toBe(0.95);
  expect(b.item()).toBe(1);
});

it("options out of range are errors", () => {
  const w = parameterOf(1);
  expect(() => new SGD([w], { lr: 0.1, momentum: -1 })).toThrow("SGD: momentum must be a finite number of 0 or more");
  expect(() => new SGD([w], { lr: 0.1, weightDecay: Infinity })).toThrow("SGD: weightDecay must be");
  expect(() => new SGD([w], { lr: 0.1, dampening: Number.NaN })).toThrow(
    "SGD: dampening must be a finite number, got NaN",
  );
  expect(() => new SGD([w], { lr: 0.1, nesterov: true })).toThrow(
    "SGD: nesterov needs momentum above 0 and no dampening, got momentum 0 and dampening 0",
  );
  expect(() => new SGD([w], { lr: 0.1, momentum: 0.9, dampening: 0.1, nesterov: true })).toThrow("nesterov needs");
  expect(() => new Adam([w], { betas: [1, 0.999] })).toThrow("Adam: betas[0] must be a number in [0, 1), got 1");
  expect(() => new AdamW([w], { betas: [0.9, -0.1] })).toThrow("AdamW: betas[1] must be a number in [0, 1), got -0.1");
  expect(() => new Adam([w], { eps: -1 })).toThrow("Adam: eps must be a finite number of 0 or more, got -1");
  expect(() => new Adam([w], { betas: [0.9] as never })).toThrow("Adam: betas must be two numbers, [0.9, 0.999], got");
  expect(() => new SGD([w], { lr: 0.1, momentum: "0.9" as never })).toThrow("SGD: momentum must be a finite number");
  expect(() => new SGD([w], { lr: 0.1, momentum: 0.9, nesterov: "no" as never })).toThrow(
    'SGD: nesterov must be true or false, got "no"',
  );
  expect(() => new SGD([w], { lr: 0.1, maximize: 1 as never })).toThrow("SGD: maximize must be true or false, got 1");
  expect(() => new Adam([w], { amsgrad: "yes" as never })).toThrow('Adam: amsgrad must be true or false, got "yes"');
  expect(() => new AdamW([w], { maximize: null as never })).toThrow("AdamW: maximize must be true or false, got null");
  expect(() => new RMSprop([w], { alpha: 1 })).toThrow("RMSprop: alpha must be a number in [0, 1), got 1");
  expect(() => new RMSprop([w], { eps: Number.NaN })).toThrow("RMSprop: eps must be a finite number of 0 or more");
  expect(() => new RMSprop([w], { momentum: -0.1 })).toThrow("RMSprop: momentum must be a finite number of 0 or more");
  expect(() => new RMSprop([{ parameters: [w], centered: 0 as never }])).toThrow(
    "RMSprop: centered must be true or false, got 0",
  );
  expect(() => new SGD([w], undefined as never)).toThrow(
    "SGD: needs a learning rate: new SGD(parameters, { lr: 0.1 })",
  );
});
