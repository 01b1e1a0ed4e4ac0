/**
 * A tensor is a value for the rest of JavaScript: equality in test runners, printing, JSON, clones, messages, operators.
 * Each with the real tool.
 */

import looseAssert from "node:assert";
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { expect as chaiExpect } from "chai";
import { expect as jestExpect } from "expect";
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { mul } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { sum } from "../../src/autograd/reduce.ts";
import * as S from "../../src/index.ts";
import { cifarResNet } from "../../src/resnet/cifar-resnet.ts";
import { tensor, zeros } from "../../src/tensor/create.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";

/** Every way to ask whether two values are the same; each throws if they are not. */
const equalities: Record<string, (a: unknown, b: unknown) => void> = {
  "Vitest toEqual": (a, b) => expect(a).toEqual(b),
  "Vitest toStrictEqual": (a, b) => expect(a).toStrictEqual(b),
  "Vitest toMatchObject": (a, b) => expect(a).toMatchObject(b as object),
  "Jest toEqual": (a, b) => jestExpect(a).toEqual(b),
  "Jest toStrictEqual": (a, b) => jestExpect(a).toStrictEqual(b),
  "Jest toMatchObject": (a, b) => jestExpect(a).toMatchObject(b as Record<string, unknown>),
  "assert.deepStrictEqual": (a, b) => assert.deepStrictEqual(a, b),
  "assert.deepEqual": (a, b) => looseAssert.deepEqual(a, b),
  "Chai deep.equal": (a, b) => chaiExpect(a).to.deep.equal(b),
};

const w = tensor([1, 2, 3], { requiresGrad: true });
const state = (seed: number): Record<string, Tensor> => cifarResNet(8, { width: 2, rng: new Rng(seed) }).stateDict();

/** Layers and optimisers that differ in one option only: in the first of its two values, or the second. */
const pairs: readonly [string, (which: 0 | 1) => unknown][] = [
  ["stride", (i) => new S.Conv2d(1, 1, 3, { stride: [1, 2][i] as number, rng: new Rng(0) })],
  ["padding", (i) => new S.Conv2d(1, 1, 3, { padding: [1, 0][i] as number, rng: new Rng(0) })],
  ["dilation", (i) => new S.Conv2d(1, 1, 3, { dilation: [1, 2][i] as number, rng: new Rng(0) })],
  [
    "outputPadding",
    (i) => new S.ConvTranspose2d(1, 1, 3, { stride: 2, outputPadding: [1, 0][i] as number, rng: new Rng(0) }),
  ],
  ["scaleFactor", (i) => new S.Upsample({ scaleFactor: [2, 3][i] as number })],
  ["groups", (i) => new S.GroupNorm([1, 2][i] as number, 4)],
  ["eps", (i) => new S.LayerNorm(4, { eps: [1e-5, 1e-6][i] as number })],
  ["momentum", (i) => new S.BatchNorm2d(4, { momentum: [0.1, null][i] as number | null })],
  ["p", (i) => new S.Dropout([0.1, 0.2][i] as number, { rng: new Rng(0) })],
  ["an rng", (i) => new S.Dropout(0.1, { rng: new Rng(i) })],
  ["a pool's padding", (i) => new S.MaxPool2d(3, { padding: i })],
  ["countIncludePad", (i) => new S.AvgPool2d(3, { countIncludePad: i === 1 })],
  ["outputSize", (i) => new S.AdaptiveAvgPool2d([1, 2][i] as number)],
  ["slope", (i) => new S.LeakyReLU([0.1, 0.2][i] as number)],
  ["approximate", (i) => new S.GELU({ approximate: (["none", "tanh"] as const)[i] as "none" })],
  ["beta", (i) => new S.Softplus({ beta: [1, 2][i] as number })],
  ["axes", (i) => new S.Flatten(1, [-1, 2][i])],
  ["lr", (i) => new S.SGD([w], { lr: [0.1, 0.2][i] as number })],
  ["weightDecay", (i) => new S.SGD([w], { lr: 0.1, weightDecay: i })],
  ["nesterov", (i) => new S.SGD([w], { lr: 0.1, momentum: 0.9, nesterov: i === 1 })],
  ["a group's momentum", (i) => new S.SGD([{ parameters: [w], momentum: [0.1, 0.9][i] as number }], { lr: 0.1 })],
  ["betas", (i) => new S.Adam([w], { betas: [0.9, [0.99, 0.999][i] as number] })],
  ["AdamW's eps", (i) => new S.AdamW([w], { eps: [1e-8, 1e-7][i] as number })],
  [
    "a highway's activation",
    (i) => new S.HighwayBlock(4, { activation: i ? "tanh" : "relu", init: () => {}, rng: new Rng(0) }),
  ],
  [
    "inside a network",
    (i) => new S.Sequential(new S.Linear(2, 2, { rng: new Rng(0) }), new S.Dropout(i / 2, { rng: new Rng(0) })),
  ],
];

describe.each(Object.entries(equalities))("%s", (_, equal) => {
  it.each<[string, unknown, unknown]>([
    ["the same values", tensor([1, 2, 3]), tensor([1, 2, 3])],
    ["one that was computed, one that was made", mul(w, 2), tensor([2, 4, 6])],
    ["one that was computed in a step", noGrad(() => mul(w, 2)), tensor([2, 4, 6])],
    ["state dicts of one seed", state(1), state(1)],
    [
      "inside other things",
      { a: [tensor([1])], b: new Map([["k", zeros([2])]]) },
      { a: [tensor([1])], b: new Map([["k", zeros([2])]]) },
    ],
  ])("equal: %s", (_, a, b) => {
    equal(a, b);
  });

  it.each(pairs)("not equal: %s", (_, make) => {
    equal(make(0), make(0));
    expect(() => equal(make(0), make(1))).toThrow();
  });

  it.each<[string, unknown, unknown]>([
    ["another value", tensor([1, 2, 3]), tensor([1, 2, 4])],
    ["another shape", tensor([[1, 2]]), tensor([1, 2])],
    ["another number of them", tensor([1, 2]), tensor([1, 2, 3])],
    ["one computed, another made", mul(w, 2), tensor([2, 4, 7])],
    ["state dicts of two seeds", state(1), state(2)],
    ["inside other things", { a: [tensor([1])] }, { a: [tensor([2])] }],
    [
      "another last value of many",
      tensor(Float32Array.from({ length: 5000 }, (_, i) => i)),
      tensor(Float32Array.from({ length: 5000 }, (_, i) => (i === 4999 ? 0 : i))),
    ],
    ["gradients", backward(sum(mul(w, w))), backward(sum(mul(w, 3)))],
    ["generators", new Rng(1), new Rng(2)],
  ])("not equal: %s", (_, a, b) => {
    expect(() => equal(a, b)).toThrow();
  });
});

// Loose assert.deepEqual takes two NaN in a Float32Array for unequal: so it is not in this one.
it.each(Object.entries(equalities).filter(([name]) => name !== "assert.deepEqual"))(
  "NaN equals NaN: %s",
  (_, equal) => {
    equal(tensor([Number.NaN, 1]), tensor([Number.NaN, 1]));
    expect(() => equal(tensor([Number.NaN, 1]), tensor([Number.NaN, 2]))).toThrow();
  },
);

it("valueOf, by which fast-deep-equal compares, tells tensors apart whose texts are the same", () => {
  const [a, b] = [zeros([5000]), zeros([5000])];
  b.assign(Float32Array.from({ length: 5000 }, (_, i) => (i === 2500 ? 1e-9 : 0)));
  expect(`${a}`).toBe(`${b}`);
  expect(a.valueOf()).not.toBe(b.valueOf());
  expect(a.valueOf()).toBe(zeros([5000]).valueOf());
  expect(zeros([2, 1]).valueOf()).not.toBe(zeros([2]).valueOf());
});

describe("printing", () => {
  it("in Node's console: shape and values, also inside other things", () => {
    expect(
      inspect(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toBe("Tensor [2,2]\n[[1. 2.]\n [3. 4.]]");
    expect(inspect(tensor(5))).toBe("Tensor [] 5.0");
    expect(inspect({ t: tensor([1, 2]) })).toContain("Tensor [2]\n");
    expect(inspect(w)).toContain("[1. 2. 3.]");
  });

  it("of a step that is over says so", () => {
    const kept: Tensor[] = [];
    noGrad(() => kept.push(mul(w, 2)));
    expect(inspect(kept[0])).toBe("Tensor [3] (its values are gone with the step that computed them)");
  });

  it("of numbers that were transferred away says so, and does not throw", () => {
    const t = tensor([1, 2]);
    structuredClone(t.data, { transfer: [t.data.buffer] });
    expect(inspect({ t })).toBe("{ t: Tensor [2] (its values were transferred away) }");
  });

  it("as text", () => {
    expect(`${tensor([1, 2])}`).toBe("[1. 2.]");
    expect(String(tensor(0.5))).toBe("0.5");
  });
});

describe("JSON", () => {
  it("keeps the numbers to the bit, also those that JSON has none for", () => {
    const t = tensor(
      [0.1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 3.4028234663852886e38],
      [2, 3],
    );
    const again = tensor(JSON.parse(JSON.stringify(t)));
    expect(again).toStrictEqual(t);
    expect(Object.is(again.data[4], -0)).toBe(true);
  });

  it("of a state dict, and back into a network", () => {
    const model = cifarResNet(8, { width: 2, rng: new Rng(3) });
    model.loadStateDict(JSON.parse(JSON.stringify(state(1))));
    expect(model.stateDict()).toEqual(state(1));
  });
});

describe("clones and messages", () => {
  const through: Record<string, (value: unknown) => unknown> = {
    structuredClone: (value) => structuredClone(value),
    postMessage: (value) => {
      const { port1, port2 } = new MessageChannel();
      port1.postMessage(value);
      const received = receiveMessageOnPort(port2)?.message;
      port1.close();
      return received;
    },
  };
  describe.each(Object.entries(through))("%s", (_, send) => {
    it("a tensor becomes its shape and its numbers, of which tensor() makes it again", () => {
      const clone = send(mul(w, 2)) as { shape: number[]; data: Float32Array };
      expect(clone).toEqual({ shape: [3], data: Float32Array.of(2, 4, 6) });
      expect(tensor(clone)).toEqual(tensor([2, 4, 6]));
    });

    it("a state dict goes into a network again", () => {
      const model = cifarResNet(8, { width: 2, rng: new Rng(3) });
      model.loadStateDict(send(state(1)) as Record<string, Tensor>);
      expect(model.stateDict()).toEqual(state(1));
    });

    it("a tensor of a step that is over is refused", () => {
      const kept: Tensor[] = [];
      noGrad(() => kept.push(mul(w, 2)));
      expect(() => send(kept[0])).toThrow("gone with the step");
    });
  });

  it("a clone is no tensor, and operations say what to do", () => {
    expect(() => mul(structuredClone(w) as unknown as Tensor, 2)).toThrow(
      "mul: a must be a tensor, got an object { shape, data } (a clone?): tensor(it) makes one of it",
    );
  });

  it("numbers that were transferred away are missed, not taken for none", () => {
    const t = tensor([1, 2]);
    structuredClone(t.data, { transfer: [t.data.buffer] });
    expect(() => mul(t, 2)).toThrow("were transferred away");
    expect(() => t.data).toThrow(UsageError);
  });
});

describe("iteration and operators", () => {
  it("iterates over the numbers in row-major order", () => {
    expect([
      ...tensor([
        [1, 2],
        [3, 4],
      ]),
    ]).toEqual([1, 2, 3, 4]);
    expect(Math.max(...tensor([3, 1, 2]))).toBe(3);
    expect(Array.from(tensor([1, 2]), (v) => 2 * v)).toEqual([2, 4]);
  });

  it("a tensor of one number is that number, of several none", () => {
    const t = tensor([1, 2]) as unknown as number;
    const one = tensor(2.5) as unknown as number;
    expect([one * 2, one + 1, one > 2, -one]).toEqual([5, 3.5, true, -2.5]);
    for (const wrong of [() => t * 2, () => -t, () => t > 1, () => Math.sqrt(t)]) {
      expect(wrong).toThrow(
        "tensor: [2] is not a number, so JavaScript's operators do not compute with it: use add, sub, mul, div",
      );
    }
  });

  it("data cannot be replaced, nor changed after the library has changed the tensor", () => {
    const t = tensor([1, 2]);
    expect(() => {
      (t as { data: Float32Array }).data = Float32Array.of(3, 4);
    }).toThrow("tensor: data cannot be replaced: assign(values) overwrites the values");
    const kept = t.data;
    kept[0] = 5;
    t.changed();
    expect(t.toArray()).toEqual([5, 2]);
    t.assign([7, 8]);
    kept[0] = 9;
    expect(() => t.changed()).toThrow("what was written to an older array is not in them");
    expect(t.toArray()).toEqual([7, 8]);
  });
});

describe("what is no tensor", () => {
  it.each<[unknown, string]>([
    [undefined, "undefined"],
    [[1, 2], "an array of 2: tensor(…) makes one of it"],
    [Float32Array.of(1), "a Float32Array"],
    ["1", '"1"'],
    [{}, "an object {  }"],
  ])("%s", (value, words) => {
    expect(() => mul(w, value as Tensor)).toThrow(`mul: b must be a tensor, got ${words}`);
  });

  it("a Proxy or a copy without insides: what to give instead", () => {
    const words =
      "a Proxy or a copy of a tensor, which has none of its numbers: give the tensor itself (in Vue: markRaw";
    for (const wrong of [new Proxy(w, {}), Object.create(w) as Tensor]) {
      expect(() => mul(w, wrong)).toThrow(`mul: b must be a tensor, got ${words}`);
      expect(() => wrong.data).toThrow(`tensor: data was asked of ${words}`);
    }
    expect(() => noGrad(() => new Proxy(mul(w, 2), {}))).toThrow(`outliveStep: what leaves the step is ${words}`);
  });

  it("memory that can shrink is copied", () => {
    const buffer = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(8, { maxByteLength: 8 });
    const t = new Tensor(new Float32Array(buffer).fill(3), [2]);
    (buffer as unknown as { resize(length: number): void }).resize(4);
    expect(mul(t, 2).toArray()).toEqual([6, 6]);
  });

  it("assign takes numbers", () => {
    const t = tensor([1, 2]);
    for (const [wrong, message] of [
      [new BigInt64Array(2), "assign: the value at 0 must be a number, is a bigint"],
      [new Set([1, 2]), "assign: takes an array of numbers or a tensor, got a Set"],
      [[1, 2, 3], "assign: 3 values for a tensor [2]"],
    ] as const) {
      expect(() => t.assign(wrong as unknown as number[])).toThrow(message);
    }
    expect(t.toArray()).toEqual([1, 2]);
  });

  it("the shape of a tensor that was made cannot be written to: others share it", () => {
    const shape = [2];
    const t = new Tensor(Float32Array.of(1, 2), shape);
    shape[0] = 1;
    for (const made of [t, zeros([2]), tensor([1, 2]), t.clone()]) {
      expect(() => (made.shape as number[]).push(3)).toThrow(TypeError);
      expect(mul(made, 2).shape).toEqual([2]);
    }
  });

  it("the constructor takes an array of float32 and a shape", () => {
    expect(() => new Tensor([1, 2] as unknown as Float32Array, [2])).toThrow(
      "Tensor: needs a Float32Array and a shape, got an array of 2",
    );
    expect(() => new Tensor(new Float32Array(2), 2 as unknown as number[])).toThrow(
      "Tensor: the shape must be a list of lengths, got 2",
    );
  });
});

it("types do not fight (this file compiles)", () => {
  const t = tensor([[1, 2]]);
  const f: Float32Array = t.data;
  const total: number = t.data.reduce((a, b) => a + b, 0);
  const one: number = t.toArray()[0][1];
  const rows: number[][] = t.toArray();
  const scalar: number = tensor(3).toArray();
  const transfer: ArrayBuffer = t.data.buffer;
  useKernels("auto");
  expect([f.length, total, one, rows, scalar, transfer.byteLength]).toEqual([2, 3, 2, [[1, 2]], 3, 8]);
});
