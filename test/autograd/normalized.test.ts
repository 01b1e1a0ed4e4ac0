/** Batch norm that waits for what follows: the same bits as one operation after the other, and never a wrong value. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { backward, valueAndGrad } from "../../src/autograd/backward.ts";
import { add, mul, relu, sub } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { batchNorm } from "../../src/autograd/norm.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { randn } from "../../src/tensor/create.ts";
import { debugMemory } from "../../src/tensor/memory.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { deferredOf, Tensor } from "../../src/tensor/tensor.ts";
import { kernels, useKernels } from "../../src/tensor/tier.ts";

/** The smaller ones are where kernels begin to compute in WebAssembly, by the size of all arrays they get (worth.ts). */
const SHAPES: readonly Shape[] = [
  [3, 4, 6, 7],
  [2, 4, 6, 5],
  [2, 4, 4, 5],
  [2, 4, 5, 3],
  [8, 4, 7, 7],
];

interface Inputs {
  readonly x: Tensor;
  readonly t: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
}

function inputs(shape: Shape = SHAPES[0]): Inputs {
  const rng = new Rng(5);
  const random = (shape: readonly number[]): Tensor => {
    const t = randn(shape, rng);
    t.requiresGrad = true;
    return t;
  };
  return { x: random(shape), t: random(shape), weight: random([4]), bias: random([4]) };
}

/** Batch norm of something that was computed: what is computed inside a step lives in its memory. */
const norm = ({ x, weight, bias }: Inputs, training = true): Tensor => {
  const statistics = training
    ? {}
    : { runningMean: randn([4], new Rng(1)), runningVar: new Tensor(Float32Array.of(1, 2, 3, 4), [4]) };
  return batchNorm(mul(x, 2), weight, bias, { training, ...statistics });
};

/** What may follow a norm. */
const followers: Readonly<Record<string, (inputs: Inputs) => Tensor>> = {
  "relu(y)": (inputs) => relu(norm(inputs)),
  "relu(y + t)": (inputs) => relu(add(norm(inputs), mul(inputs.t, 3))),
  "relu(t + y)": (inputs) => relu(add(inputs.t, norm(inputs))),
  "relu(y + y′), two norms": (inputs) => relu(add(norm(inputs), norm(inputs))),
  "relu(y + t + t), a sum of a sum": (inputs) => relu(add(add(norm(inputs), inputs.t), inputs.t)),
  "y + t, without ReLU": (inputs) => add(norm(inputs), inputs.t),
  "y alone": (inputs) => norm(inputs),
  "relu(y) in evaluation": (inputs) => relu(norm(inputs, false)),
  "relu(y + t) in evaluation": (inputs) => relu(add(norm(inputs, false), inputs.t)),
  "relu(y) − y": (inputs) => {
    const y = norm(inputs);
    return sub(relu(y), y);
  },
  "y·relu(y), read first": (inputs) => {
    const y = norm(inputs);
    const read = mul(y, 0.5);
    return mul(read, relu(y));
  },
  "relu(y) − relu(y)/2, two ReLUs": (inputs) => {
    const y = norm(inputs);
    return sub(relu(y), mul(relu(y), 0.5));
  },
  "relu(y) + relu(y + t), y twice": (inputs) => {
    const y = norm(inputs);
    return add(mul(relu(y), 0.3), relu(add(y, inputs.t)));
  },
  "relu(s)·s, the sum twice": (inputs) => {
    const s = add(norm(inputs), inputs.t);
    return mul(relu(s), s);
  },
  "relu(y + x), its input as the other": (inputs) => {
    const x = mul(inputs.x, 2);
    return relu(add(batchNorm(x, inputs.weight, inputs.bias, { training: true }), x));
  },
  "relu(relu(y))": (inputs) => relu(relu(norm(inputs))),
  "relu(norm(y))": (inputs) => relu(batchNorm(norm(inputs), inputs.weight, null, { training: true })),
  "relu(y + row), broadcast": (inputs) => {
    const width = inputs.x.shape[3];
    const row = new Tensor(
      Float32Array.from({ length: width }, (_, i) => i / width - 0.5),
      [width],
    );
    return relu(add(norm(inputs), row));
  },
};

const weighted = (y: Tensor): Tensor => sum(mul(y, randn(y.shape, new Rng(9))));

describe.each(["simd", "plain"] as const)("batch norm that waits (%s)", (tier) => {
  beforeEach(() => {
    useKernels(tier);
    debugMemory(true);
  });
  afterEach(() => {
    debugMemory(false);
    useKernels("auto");
  });

  const cases = Object.keys(followers).flatMap((name) => SHAPES.map((shape) => ({ name, shape })));
  it.each(cases)(
    "$name, $shape: the bits of values and gradients are those of one after the other",
    ({ name, shape }) => {
      const run = followers[name];
      const leaves = inputs(shape);
      const y = run(leaves);
      const expected = backward(weighted(y));
      const { value, grads } = valueAndGrad(() => {
        const inside = run(leaves);
        return { loss: weighted(inside), inside };
      });
      expect(value.inside.data).toEqual(y.data);
      for (const leaf of Object.values(leaves)) {
        const [got, wanted] = [grads, expected].map((g) => [...g.entries()].find(([t]) => t === leaf)?.[1].data);
        expect(got).toEqual(wanted);
      }
    },
  );
});

describe("batch norm that waits", () => {
  beforeEach(() => {
    useKernels("simd");
  });
  afterEach(() => {
    useKernels("auto");
  });

  it("is computed in one pass with addition and ReLU, and never by itself", () => {
    const calls: string[] = [];
    const simd = kernels;
    const counting = Object.fromEntries(
      Object.entries(simd).map(([name, kernel]) => [
        name,
        typeof kernel === "function" && name !== "ready"
          ? (...args: readonly unknown[]) => {
              calls.push(name);
              (kernel as (...args: readonly unknown[]) => void)(...args);
            }
          : kernel,
      ]),
    ) as unknown as typeof kernels;
    useKernels(counting);
    const leaves = inputs();
    valueAndGrad(() => sum(relu(add(norm(leaves), leaves.t))));
    expect(calls.filter((name) => /^(normalize|unary|binary)/.test(name))).toEqual([
      "binary", // x·2
      "unary", // 1/√(variance + ε), a number per channel
      "normalize",
      "normalizeReluGradient",
      "binary", // gx·2
    ]);
  });

  it("waits in a step's memory only", () => {
    const leaves = inputs();
    expect(deferredOf(norm(leaves))).toBeNull();
    noGrad(() => {
      const y = norm(leaves);
      expect(deferredOf(y)).not.toBeNull();
      const z = relu(y);
      expect(deferredOf(y)).not.toBeNull();
      expect(deferredOf(z)).toBeNull();
      const values = y.data.map((v) => Math.max(0, v));
      expect(deferredOf(y)).toBeNull();
      expect(z.data).toEqual(values);
    });
  });

  it("is computed when the step ends if it is returned, else gone with the step", () => {
    const leaves = inputs();
    const expected = norm(leaves).data;
    expect(noGrad(() => norm(leaves)).data).toEqual(expected);
    let kept: Tensor | undefined;
    noGrad(() => {
      kept = norm(leaves);
    });
    expect(() => kept?.data).toThrow(/gone with the step/);
  });

  it("keeps the gradient at the norm's output, stops there, and runs backward twice", () => {
    const leaves = inputs();
    const gradients = (): (Float32Array | Float64Array)[] => {
      const y = norm(leaves);
      const loss = weighted(relu(add(y, leaves.t)));
      const keeping = backward(loss, { keep: [y] });
      const stopping = backward(loss, { stopAt: [y] });
      const again = backward(loss);
      return [keeping.get(y), keeping.get(leaves.x), stopping.get(y), again.get(leaves.x)].map(({ data }) =>
        data.slice(),
      );
    };
    const expected = gradients();
    valueAndGrad(() => {
      expect(gradients()).toEqual(expected);
      return sum(leaves.t);
    });
  });

  it("does not hand out what somebody changed in the meantime", () => {
    const leaves = inputs();
    noGrad(() => {
      const y = norm(leaves);
      leaves.weight.assign([1, 2, 3, 4]);
      expect(() => y.data).toThrow(/changed in place before the output was read/);
    });
  });
});
