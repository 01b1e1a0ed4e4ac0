/**
 * What has been read is the reader's: numbers that a program has seen never change behind its back and are never detached,
 * on any tier, whatever way they got out. And a tensor that did not leave its step is an error to read, on every tier.
 */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { backward, type Gradients, tap, valueAndGrad } from "../../src/autograd/backward.ts";
import { conv2d } from "../../src/autograd/conv.ts";
import { add, mul, relu, tanh } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { mean, sum } from "../../src/autograd/reduce.ts";
import { reshape } from "../../src/autograd/shape.ts";
import { softmax } from "../../src/autograd/softmax.ts";
import { ReLU } from "../../src/nn/activation.ts";
import { observe } from "../../src/nn/observe.ts";
import { SGD } from "../../src/nn/optim/sgd.ts";
import { cifarResNet } from "../../src/resnet/cifar-resnet.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { SkipstoneError } from "../../src/tensor/errors.ts";
import type { ArrayKernels, Kernels } from "../../src/tensor/kernels.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { kernelsOf } from "../../src/tensor/simd/index.ts";
import { Engine } from "../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../src/tensor/simd/wasm/features.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";
import { handleKernels } from "../support/handles.ts";

/** Small: memory that fills up, and grows between steps. Full: it cannot grow. */
const tiers: readonly (readonly [string, () => Kernels | ArrayKernels | "plain"])[] = [
  ["plain", () => "plain"],
  ["SIMD", () => kernelsOf(new Engine(webAssembly()!, 2 ** 24))],
  ["SIMD, growing", () => kernelsOf(new Engine(webAssembly()!, 2 ** 16))],
  ["SIMD, full", () => kernelsOf(new Engine(webAssembly()!, 2 ** 17, 2 ** 17))],
  ["handles", () => handleKernels],
];

afterEach(() => {
  useKernels("auto");
});

describe.each(tiers)("%s", (_, tier) => {
  it("probabilities of six pictures, taken out as arrays", () => {
    useKernels(tier());
    const net = cifarResNet(8, { width: 4, rng: new Rng(1) }).eval();
    const picture = (i: number): Tensor => mul(randn([1, 3, 32, 32], new Rng(i)), i + 1);
    const probabilities = [0, 1, 2, 3, 4, 5].map((i) => noGrad(() => softmax(net.forward(picture(i))).data));
    const largest = probabilities.map((p) => Math.max(...p).toFixed(3));
    expect(largest).toEqual(["0.153", "0.230", "0.292", "0.344", "0.413", "0.544"]);
  });

  it("every way out of a step", () => {
    useKernels(tier());
    const x = randn([64, 16], new Rng(2));
    const kept: Float32Array[] = [];
    class Holder {
      readonly t: Tensor;
      readonly numbers: Float32Array;
      constructor(t: Tensor) {
        this.t = t;
        this.numbers = t.data;
      }
      get later(): Float32Array {
        return this.t.data;
      }
    }
    let closure: (() => Float32Array) | undefined;
    const out = noGrad(() => {
      const y = mul(x, 3);
      kept.push(y.data);
      const read = y.data;
      closure = () => read;
      return {
        holder: new Holder(mul(x, 3)),
        set: new Set([mul(x, 3)]),
        map: new Map([[mul(x, 3), [mul(x, 3).data]]]),
        deep: [[{ a: { b: mul(x, 3) } }]],
        iterator: mul(x, 3)[Symbol.iterator](),
        view: reshape(mul(x, 3), [-1]),
      };
    });
    for (let i = 0; i < 3; i++) noGrad(() => mul(add(x, i), 7));
    const expected = x.data.map((v) => 3 * v);
    const seen: Iterable<number>[] = [
      ...kept,
      closure!(),
      out.holder.numbers,
      out.holder.t.data,
      out.holder.later,
      ...[...out.set].map((t) => t.data),
      ...[...out.map].flatMap(([t, arrays]) => [t.data, ...arrays]),
      out.deep[0][0].a.b.data,
      out.iterator,
      out.view.data,
    ];
    for (const numbers of seen) expect(Float32Array.from(numbers)).toEqual(expected);
  });

  it("parameters, gradients and running statistics that were read stay as they were", () => {
    useKernels(tier());
    const model = cifarResNet(8, { width: 2, rng: new Rng(3) });
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const seen: { array: Float32Array; copy: Float32Array }[] = [];
    const look = (t: Tensor): void => {
      seen.push({ array: t.data, copy: t.data.slice() });
    };
    for (let step = 0; step < 3; step++) {
      const { value, grads } = valueAndGrad(() => {
        const y = model.forward(tap(randn([2, 3, 16, 16], new Rng(step), { requiresGrad: true }), look));
        look(y);
        return mean(mul(y, y));
      });
      for (const t of [value, ...Object.values(model.stateDict())]) look(t);
      for (const [, g] of grads.entries()) look(g);
      optimizer.step(grads);
    }
    for (const { array, copy } of seen) expect(array).toEqual(copy);
  });

  it("writing to data still changes the tensor, inside a step and outside", () => {
    useKernels(tier());
    const t = tensor([1, 2, 3]);
    t.data[0] = 5;
    t.changed();
    expect(mul(t, 2).toArray()).toEqual([10, 4, 6]);
    const y = noGrad(() => {
      const h = mul(t, 1);
      const view = reshape(h, [3, 1]);
      h.data[1] = 7;
      return [mul(h, 1), mul(view, 1)];
    });
    expect(y.map((v) => [...v.data])).toEqual([
      [5, 7, 3],
      [5, 7, 3],
    ]);
  });

  it("gradients of two tensors are two arrays", () => {
    useKernels(tier());
    const [a, b] = [tensor([1, 2], { requiresGrad: true }), tensor([3, 4], { requiresGrad: true })];
    const grads = backward(sum(add(a, b)));
    grads.get(a).data[0] = 9;
    expect([...grads.get(b).data]).toEqual([1, 1]);
  });

  it("a tensor that did not leave its step cannot be read or used afterwards, nor a loss differentiated", () => {
    useKernels(tier());
    const w = tensor([1, 2], { requiresGrad: true });
    const kept: Tensor[] = [];
    const { value } = valueAndGrad(() => {
      kept.push(mul(w, 2), reshape(w, [2, 1]));
      return sum(mul(w, w));
    });
    for (const t of kept) {
      for (const use of [
        () => t.data,
        () => t.item(),
        () => t.toArray(),
        () => `${t}`,
        () => [...t],
        () => add(t, 1),
        () => t.clone(),
      ]) {
        expect(use).toThrow(/gone with the step|exactly one element/);
      }
    }
    expect(value.item()).toBe(5);
    expect(() => backward(value)).toThrow("was not recorded");
  });
});

/** A small program: what it does next, and whether it looks. */
const actions = fc.array(
  fc.record({
    do: fc.constantFrom("chain", "train", "assign", "nested", "throw", "conv", "noGradNumbers"),
    look: fc.constantFrom("data", "iterator", "toArray", "set", "closure", "nothing"),
    n: fc.integer({ min: 1, max: 40 }),
  }),
  { minLength: 1, maxLength: 12 },
);

describe("random programs that keep what they see", () => {
  it.each(tiers)("%s", (_, tier) => {
    fc.assert(
      fc.property(actions, (program) => {
        useKernels(tier());
        const rng = new Rng(5);
        const w = randn([8, 8, 3, 3], rng, { requiresGrad: true });
        const x = randn([2, 8, 6, 6], rng);
        const optimizer = new SGD([w], { lr: 0.01, momentum: 0.9 });
        const seen: { array: ArrayLike<number>; copy: number[] }[] = [];
        const lazy: { iterator: Iterator<number>; copy: number[] }[] = [];
        const closures: { get: () => Float32Array; copy: number[] }[] = [];
        const look = (t: Tensor, how: string): void => {
          const copy = [...t.toArray().flat(4)] as number[];
          if (how === "data") seen.push({ array: t.data, copy });
          else if (how === "iterator") lazy.push({ iterator: t[Symbol.iterator](), copy });
          else if (how === "closure") {
            const { data } = t;
            closures.push({ get: () => data, copy });
          } else if (how === "set") for (const { data } of new Set([t])) seen.push({ array: data, copy });
        };
        const step = (n: number): Gradients =>
          valueAndGrad(() => {
            let h = relu(conv2d(x, w, null, { padding: 1 }));
            for (let i = 0; i < n % 4; i++) h = tanh(add(h, i));
            return mean(mul(h, h));
          }).grads;
        for (const { do: what, look: how, n } of program) {
          if (what === "chain") {
            noGrad(() => {
              let h = mul(x, n);
              for (let i = 0; i < n; i++) {
                h = add(h, i);
                if (i % 5 === 0) look(h, how);
              }
            });
          } else if (what === "train") {
            const grads = step(n);
            look(w, how);
            look(grads.get(w), how);
            optimizer.step(grads);
            look(w, how);
          } else if (what === "assign") {
            look(w, how);
            w.assign(w.data.map((v) => v * 0.9));
          } else if (what === "nested") {
            const y = noGrad(() => [noGrad(() => mul(x, n)), relu(x)]);
            for (const t of y) look(t, how);
          } else if (what === "throw") {
            expect(() =>
              noGrad(() => {
                look(mul(x, n), how);
                throw new SkipstoneError("stop");
              }),
            ).toThrow("stop");
          } else if (what === "conv") {
            look(conv2d(x, w, null, { padding: 1 }), how);
          } else {
            const data = noGrad(() => softmax(reshape(mul(x, n), [2, -1])).data);
            seen.push({ array: data, copy: [...data] });
          }
        }
        noGrad(() => mul(x, 99));
        for (const { array, copy } of seen) expect(Array.from(array)).toEqual(copy);
        for (const { iterator, copy } of lazy) expect([...(iterator as IterableIterator<number>)]).toEqual(copy);
        for (const { get, copy } of closures) expect([...get()]).toEqual(copy);
      }),
      { numRuns: 15 },
    );
  });
});

describe("functions that have not finished when they return", () => {
  const w = tensor([1, 2], { requiresGrad: true });
  it("async functions and generators are refused before they run", () => {
    let ran = 0;
    const wrong: (() => unknown)[] = [
      async () => ran++,
      function* () {
        yield ran++;
      },
      async function* () {
        yield ran++;
      },
    ];
    for (const fn of wrong) {
      expect(() => noGrad(fn)).toThrow("noGrad: fn must finish before it returns, got");
      expect(() => valueAndGrad(fn as () => Tensor)).toThrow("valueAndGrad: fn must finish before it returns");
    }
    expect(ran).toBe(0);
    expect(mul(w, 2).node).not.toBeNull();
  });

  it("a promise or a generator that comes back is refused too, and nobody hears of its failure", async () => {
    const failing = (): unknown => Promise.reject(new Error("unheard"));
    expect(() => noGrad(failing)).toThrow("got one that returned a promise");
    const generator = function* (): Generator<number> {
      yield 1;
    };
    expect(() => noGrad(() => generator() as unknown)).toThrow("got one that returned a generator");
    await new Promise((resolve) => setTimeout(resolve, 1));
    // Recording goes on, and the step is over.
    expect(mul(w, 2).node).not.toBeNull();
  });

  it("promises in an array, as map gives them of an async function", async () => {
    const late = (): Promise<never>[] => [1, 2].map(() => Promise.reject(new Error("unheard")));
    expect(() => noGrad(late)).toThrow("got one that returned an array of promises");
    await new Promise((resolve) => setTimeout(resolve, 1));
  });

  it("who looks on must have finished, too", () => {
    const look = async (): Promise<void> => {};
    expect(() => tap(w, look)).toThrow("tap: look must finish before it returns, got an async one");
    const y = sum(tap(w, () => look() as unknown as undefined));
    expect(() => backward(y)).toThrow("tap: look must finish before it returns, got one that returned a promise");
    const layer = new ReLU();
    expect(() => observe(layer, look, () => 1)).toThrow("observe: observer must finish before it returns");
    const observer = (): undefined => look() as unknown as undefined;
    expect(() => observe(layer, observer, () => layer.forward(w))).toThrow(
      "observe: observer must finish before it returns",
    );
  });

  it("types refuse them", () => {
    // @ts-expect-error
    expect(() => noGrad(async () => 1)).toThrow();
    // @ts-expect-error
    expect(() => valueAndGrad(async () => sum(w))).toThrow();
  });
});
