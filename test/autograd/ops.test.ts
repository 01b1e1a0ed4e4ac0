/**
 * What every operation must pass, whoever wrote it. This file walks the exports of src/autograd and the case files beside
 * it (cases/*.ts), so that an operation without derivative cases fails here, as does a case for something that is gone.
 */
import { readdirSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { gradcheck } from "../../src/autograd/gradcheck.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import * as autograd from "../../src/autograd/index.ts";
import { randn, zeros } from "../../src/tensor/create.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import { numbersOf, toValues, useAllocator } from "../../src/tensor/memory.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { sameShape } from "../../src/tensor/shape.ts";
import { owned, Tensor } from "../../src/tensor/tensor.ts";
import { adjointError } from "../support/adjoint.ts";
import type { OpCase } from "./cases/types.ts";

/** Exports of src/autograd that are not operations on tensors with a derivative. */
const notDifferentiable = new Set([
  "AutogradError",
  "Gradients",
  "argmax",
  "argmin",
  "backward",
  "checkpoint",
  "defineOperation",
  "detach",
  "gradcheck",
  "graphToDot",
  "noGrad",
  "nodesBefore",
  "valueAndGrad",
]);

/** One call per operation with shapes that do not fit. */
const misfits: Readonly<Record<string, () => unknown>> = {
  add: () => autograd.add(zeros([2]), zeros([3])),
  sub: () => autograd.sub(zeros([2]), zeros([3])),
  mul: () => autograd.mul(zeros([2]), zeros([3])),
  div: () => autograd.div(zeros([2]), zeros([3])),
  pow: () => autograd.pow(zeros([2]), zeros([3])),
  maximum: () => autograd.maximum(zeros([2]), zeros([3])),
  minimum: () => autograd.minimum(zeros([2]), zeros([3])),
  eq: () => autograd.eq(zeros([2]), zeros([3])),
  ne: () => autograd.ne(zeros([2]), zeros([3])),
  lt: () => autograd.lt(zeros([2]), zeros([3])),
  le: () => autograd.le(zeros([2]), zeros([3])),
  gt: () => autograd.gt(zeros([2]), zeros([3])),
  ge: () => autograd.ge(zeros([2]), zeros([3])),
  where: () => autograd.where(zeros([2]), zeros([2]), zeros([3])),
  sum: () => autograd.sum(zeros([2]), 1),
  mean: () => autograd.mean(zeros([2]), 1),
  max: () => autograd.max(zeros([2]), 1),
  maxWithIndices: () => autograd.maxWithIndices(zeros([2]), 1),
  prod: () => autograd.prod(zeros([2]), 1),
  min: () => autograd.min(zeros([2]), 1),
  minWithIndices: () => autograd.minWithIndices(zeros([2]), 1),
  cumsum: () => autograd.cumsum(zeros([2]), 1),
  topK: () => autograd.topK(zeros([2]), 1, { axis: 1 }),
  variance: () => autograd.variance(zeros([2]), 1),
  std: () => autograd.std(zeros([2]), 1),
  logsumexp: () => autograd.logsumexp(zeros([2]), 1),
  transpose: () => autograd.transpose(zeros([2]), 0, 1),
  permute: () => autograd.permute(zeros([2, 3]), [0]),
  reshape: () => autograd.reshape(zeros([2]), [3]),
  flatten: () => autograd.flatten(zeros([2]), 1),
  squeeze: () => autograd.squeeze(zeros([2]), 1),
  unsqueeze: () => autograd.unsqueeze(zeros([2]), 2),
  slice: () => autograd.slice(zeros([2]), [null, null]),
  concat: () => autograd.concat([zeros([2]), zeros([2, 1])]),
  stack: () => autograd.stack([zeros([2]), zeros([3])]),
  pad: () => autograd.pad(zeros([2]), []),
  indexSelect: () => autograd.indexSelect(zeros([2]), 1, [0]),
  gather: () => autograd.gather(zeros([2]), 0, { data: [0], shape: [1, 1] }),
  expand: () => autograd.expand(zeros([2]), [3]),
  matmul: () => autograd.matmul(zeros([2, 3]), zeros([2, 3])),
  einsum: () => autograd.einsum("ij,jk->ik", zeros([2, 3]), zeros([2, 3])),
  linear: () => autograd.linear(zeros([2, 3]), zeros([4, 2]), null),
  conv2d: () => autograd.conv2d(zeros([1, 3, 5, 5]), zeros([2, 4, 3, 3])),
  conv1d: () => autograd.conv1d(zeros([1, 3, 5]), zeros([2, 4, 3])),
  convTranspose2d: () => autograd.convTranspose2d(zeros([1, 3, 5, 5]), zeros([4, 2, 3, 3])),
  interpolate: () => autograd.interpolate(zeros([3, 5, 5]), { size: 2 }),
  maxPool2d: () => autograd.maxPool2d(zeros([3, 5, 5]), { kernelSize: 2 }),
  avgPool2d: () => autograd.avgPool2d(zeros([3, 5, 5]), { kernelSize: 2 }),
  adaptiveAvgPool2d: () => autograd.adaptiveAvgPool2d(zeros([3, 5, 5]), 2),
  globalAvgPool2d: () => autograd.globalAvgPool2d(zeros([3, 5, 5])),
  batchNorm: () => autograd.batchNorm(zeros([2]), null, null, { training: true }),
  layerNorm: () => autograd.layerNorm(zeros([2]), [3], null, null),
  groupNorm: () => autograd.groupNorm(zeros([2, 3]), 2, null, null),
  instanceNorm: () => autograd.instanceNorm(zeros([2, 3, 1])),
  softmax: () => autograd.softmax(zeros([2]), 1),
  logSoftmax: () => autograd.logSoftmax(zeros([2]), 1),
  crossEntropy: () => autograd.crossEntropy(zeros([2]), [0]),
  nllLoss: () => autograd.nllLoss(zeros([2]), [0]),
  mseLoss: () => autograd.mseLoss(zeros([2]), zeros([1])),
  l1Loss: () => autograd.l1Loss(zeros([2]), zeros([1])),
  huberLoss: () => autograd.huberLoss(zeros([2]), zeros([1])),
  smoothL1Loss: () => autograd.smoothL1Loss(zeros([2]), zeros([1])),
  klDivLoss: () => autograd.klDivLoss(zeros([2]), zeros([1])),
  bceWithLogits: () => autograd.bceWithLogits(zeros([2]), zeros([1])),
};

const names = readdirSync(new URL("./cases", import.meta.url))
  .filter((file) => file.endsWith(".ts") && file !== "types.ts")
  .map((file) => file.replace(".ts", ""));
const families = await Promise.all(
  names.map(async (family) => {
    const { cases } = (await import(`./cases/${family}.ts`)) as { cases: readonly OpCase[] };
    return { family, cases };
  }),
);
const allCases = families.flatMap(({ cases }) => cases);
const operations = Object.keys(autograd).filter((name) => !notDifferentiable.has(name));

/** Inputs from standard normal numbers, as the case wants them. */
function inputsOf({ inputs, prepare = (v) => v }: OpCase, seed: number): Tensor[] {
  const rng = new Rng(seed);
  return inputs.map((shape, i) => {
    const t = randn(shape, rng);
    t.data.forEach((v, k) => {
      t.data[k] = prepare(v, i);
    });
    return t;
  });
}

/** y, and the gradients of `wanted` inputs, for float32 copies of the inputs; all as bits-preserving copies. */
function run(c: OpCase, inputs: readonly Tensor[], wanted: (input: number) => boolean): Float32Array[] {
  const copies = inputs.map((t, i) => new Tensor(Float32Array.from(t.data), t.shape, wanted(i)));
  const y = c.call(...copies);
  const grads = backward(y, { gradient: randn(y.shape, new Rng(99)) });
  return [y, ...copies.filter((_, i) => wanted(i)).map((t) => grads.get(t))].map((t) => Float32Array.from(t.data));
}

describe("the list of operations", () => {
  it("every exported operation has derivative cases", () => {
    const covered = new Set(allCases.map(({ op }) => op));
    expect(operations.filter((name) => !covered.has(name))).toEqual([]);
  });

  it("every case is of an exported operation", () => {
    expect([...new Set(allCases.map(({ op }) => op))].filter((op) => !operations.includes(op))).toEqual([]);
  });

  it("every name in the lists of this file exists", () => {
    const listed = [...notDifferentiable, ...Object.keys(misfits)];
    expect(listed.filter((name) => !Object.hasOwn(autograd, name))).toEqual([]);
  });

  it("every operation refuses shapes that do not fit, or takes one tensor of any shape and gives its shape", () => {
    const takesAny = (op: string): boolean =>
      allCases.every(
        (c) =>
          c.op !== op ||
          (c.inputs.length === 1 &&
            [[], [0], [5], [2, 3, 1, 4]].every((shape) => sameShape(c.call(zeros(shape)).shape, shape))),
      );
    expect(operations.filter((name) => !Object.hasOwn(misfits, name) && !takesAny(name))).toEqual([]);
  });

  it("no two cases have the same name", () => {
    const names = allCases.map(({ op, name }) => `${op} ${name}`);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});

describe("wrong shapes give a ShapeError that opens with the operation's name", () => {
  it.each(Object.entries(misfits))("%s", (name, call) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(new RegExp(`^${name}: .*\\[.*\\]`));
  });
});

describe.each(families)("$family", ({ cases }) => {
  afterEach(() => {
    useAllocator(undefined);
  });

  for (const c of cases) {
    describe(c.name.startsWith(c.op) ? c.name : `${c.op} ${c.name}`, () => {
      it(`records ${c.composed ? "the nodes of what it is made of" : "one node under its own name"}`, () => {
        const y = c.call(...inputsOf(c, 1).map((t) => new Tensor(t.data, t.shape, true)));
        if (c.composed) expect(operations).toContain(y.node?.op);
        else expect(y.node?.op).toBe(c.op);
        expect(noGrad(() => c.call(...inputsOf(c, 1).map((t) => new Tensor(t.data, t.shape, true)))).node).toBeNull();
      });

      // Central differences in float64 with ε = 1e-6 are exact to about 1e-10 relative to numbers of order 1; 1e-7
      // leaves room for large third derivatives and catches every wrong factor.
      it("gradcheck", () => {
        expect(gradcheck(c.call, inputsOf(c, 2), { seed: 3 })).toBeLessThan(1e-7);
      });

      for (const input of c.linearIn ?? []) {
        it(`adjoint in input ${input}`, () => {
          const inputs = inputsOf(c, 4).map((t) => owned(Float64Array.from(t.data), t.shape));
          const f = (x: Tensor): Tensor => c.call(...inputs.map((t, i) => (i === input ? x : t)));
          expect(adjointError(f, inputs[input], 5)).toBeLessThan(1e-12);
        });
      }

      it("relies on nothing in new memory: filled with NaN, the same bits", () => {
        const inputs = inputsOf(c, 6);
        const expected = run(c, inputs, () => true);
        useAllocator((size, float64) => (float64 ? new Float64Array(size) : new Float32Array(size)).fill(Number.NaN));
        expect(run(c, inputs, () => true)).toEqual(expected);
      });

      it("changes neither its inputs nor the upstream gradient", () => {
        const inputs = inputsOf(c, 7).map((t) => new Tensor(t.data, t.shape, true));
        const before = inputs.map((t) => Float32Array.from(t.data));
        const y = c.call(...inputs);
        const gradient = randn(y.shape, new Rng(8));
        const sent = Float32Array.from(gradient.data);
        backward(y, { gradient });
        expect(inputs.map((t) => t.data)).toEqual(before);
        expect(gradient.data).toEqual(sent);
      });

      // An instrument sends float64 gradients back through a float32 graph: rounded on the way, their last digits would be lost.
      it("a float64 gradient stays one", () => {
        const inputs = inputsOf(c, 10).map((t) => new Tensor(t.data, t.shape, true));
        const y = c.call(...inputs);
        const g = randn(y.shape, new Rng(11));
        const wanted = y.node!.inputs.map(() => true);
        const [wide, narrow] = [Float64Array, Float32Array].map((type) =>
          y.node!.rule(toValues(type.from(g.data)), wanted).map((values) => (values ? numbersOf(values) : null)),
        );
        wide.forEach((values, i) => {
          if (!values) return;
          expect(values, `input ${i}`).toBeInstanceOf(Float64Array);
          const most = Math.max(0, ...Array.from(values, (v) => Math.abs(v) || 0));
          values.forEach((v, k) => {
            if (!Number.isNaN(v)) expect(Math.abs(v - narrow[i]![k])).toBeLessThanOrEqual(1e-5 * most);
          });
        });
      });

      if (c.inputs.length > 1) {
        it("an input's gradient does not depend on whether the others want one", () => {
          const inputs = inputsOf(c, 9);
          const [, ...all] = run(c, inputs, () => true);
          inputs.forEach((_, i) => {
            const [, alone] = run(c, inputs, (k) => k === i);
            expect(alone).toEqual(all[i]);
          });
        });
      }
    });
  }
});
