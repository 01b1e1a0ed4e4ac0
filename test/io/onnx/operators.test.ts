/**
 * Every operation's exporter against ONNX Runtime: one call at a time, with the shapes and options of the derivative cases
 * (test/autograd/cases), each of its inputs in turn being the network's and the others constants.
 */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { record } from "../../../src/autograd/graph.ts";
import * as autograd from "../../../src/autograd/index.ts";
import { exportOnnx, OnnxExportError } from "../../../src/io/onnx/index.ts";
import { exporters, notExported } from "../../../src/io/onnx/operators/index.ts";
import { randn, tensor, zeros } from "../../../src/tensor/create.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import type { OpCase } from "../../autograd/cases/types.ts";
import { Apply } from "./apply.ts";
import { difference, openOnnx } from "./runtime.ts";

const { abs, clamp, elu, gelu, leakyRelu, maxPool2d, minimum, mul, reshape, round, softplus, tap } = autograd;

const folder = new URL("../../autograd/cases/", import.meta.url);
const families = await Promise.all(
  readdirSync(folder)
    .filter((file) => file !== "types.ts")
    .map(async (file) => {
      const { cases } = (await import(new URL(file, folder).href)) as { cases: readonly OpCase[] };
      return { family: file.replace(".ts", ""), cases };
    }),
);
/** Every operation that is not made of others: test/autograd/ops.test.ts sees to it that all have cases. */
const operations = [
  ...new Set(families.flatMap(({ cases }) => cases.filter(({ composed }) => !composed).map(({ op }) => op))),
];
const exported = families
  .map(({ family, cases }) => ({
    family,
    cases: cases.filter(({ op, composed }) => composed || Object.hasOwn(exporters, op)),
  }))
  .filter(({ cases }) => cases.length > 0);

/** The first, the last, and those from which on an operator is written otherwise. */
const OPSETS = [17, 18, 20, 25];

/**
 * Sums of up to a few hundred products, in another order and with other approximations of exp, erf and tanh: some units in
 * the last place of the largest output, 2⁻²⁴ each. No difference seen is above 3e-7.
 */
const TOLERANCE = 1e-6;

function inputsOf({ inputs, prepare = (v) => v }: OpCase): Tensor[] {
  const rng = new Rng(1);
  return inputs.map((shape, i) => {
    const t = randn(shape, rng);
    t.assign(t.data.map((v) => prepare(v, i)));
    return t;
  });
}

async function agrees(f: (x: Tensor) => Tensor, x: Tensor, opset: number): Promise<number> {
  const file = exportOnnx(new Apply(f), { example: x, dynamicBatch: false, opset });
  return difference(await (await openOnnx(file)).run(x), f(x));
}

describe("the list of operations", () => {
  it("every operation of src/autograd has an exporter, or a reason to have none", () => {
    const known = { ...exporters, ...notExported };
    expect(operations.filter((name) => !Object.hasOwn(known, name))).toEqual([]);
  });

  it("every exporter and every reason is of an operation", () => {
    expect([...Object.keys(exporters), ...Object.keys(notExported)].filter((op) => !operations.includes(op))).toEqual(
      [],
    );
  });

  it("no operation has both", () => {
    expect(Object.keys(exporters).filter((op) => Object.hasOwn(notExported, op))).toEqual([]);
  });
});

describe.each(exported)("$family", ({ cases }) => {
  it.each(cases.map((c) => [`${c.op} ${c.name}`, c] as const))("%s", async (_, c) => {
    const inputs = inputsOf(c);
    for (let i = 0; i < inputs.length; i++) {
      const f = (x: Tensor): Tensor => c.call(...inputs.map((t, k) => (k === i ? x : t)));
      for (const opset of i === 0 ? OPSETS : OPSETS.slice(0, 1)) {
        expect(await agrees(f, inputs[i], opset), `input ${i}, opset ${opset}`).toBeLessThan(TOLERANCE);
      }
    }
  });
});

describe("what the derivative cases keep away from", () => {
  const kinks = tensor([-Infinity, -100, -20.5, -1, -0, 0, 1, 14.9, 15.1, 20.5, 100, Infinity]);
  it.each<[name: string, f: (x: Tensor) => Tensor]>([
    ["abs at 0 and far out", abs],
    ["leakyRelu at 0 and far out", (x) => leakyRelu(x, 0.1)],
    ["clamp without a lower bound", (x) => clamp(x, -Infinity, 2)],
    ["clamp without an upper bound", (x) => clamp(x, -2, Infinity)],
    ["clamp without any bound", (x) => clamp(x, -Infinity, Infinity)],
    ["clamp with a lower bound above all", (x) => clamp(x, Infinity)],
    ["clamp with bounds in the wrong order", (x) => clamp(x, 1, -1)],
    ["round between two whole numbers", (x) => round(mul(x, 0.5))],
    ["elu at 0 and far out", (x) => elu(x, 0.5)],
    ["minimum of equal numbers", (x) => minimum(x, x)],
    ["tap passes everything on", (x) => tap(x, () => {})],
  ])("%s", async (_, f) => {
    for (const opset of OPSETS) expect(await agrees(f, kinks, opset)).toBe(0);
  });

  const finite = tensor([-100, -20.5, -1, 0, 1, 14.9, 15.1, 20.5, 100]);
  it.each<[name: string, f: (x: Tensor) => Tensor]>([
    ["softplus where it is linear", (x) => softplus(x)],
    ["softplus that is linear from 14 on, where the curve still differs", (x) => softplus(x, { threshold: 14 })],
    ["softplus that is linear from 16 on", (x) => softplus(x, { threshold: 16, beta: 0.5 })],
    ["gelu far out", (x) => gelu(x)],
    ["gelu far out by tanh", (x) => gelu(x, { approximate: "tanh" })],
  ])("%s", async (_, f) => {
    for (const opset of OPSETS) expect(await agrees(f, finite, opset)).toBeLessThan(TOLERANCE);
  });

  it("reshape of nothing: a length of 0 is no length to be kept", async () => {
    expect(await agrees((x) => reshape(x, [3, 0]), zeros([0, 3]), 17)).toBe(0);
  });

  it("maxPool2d with a dilated window that needs more padding than the operator takes", async () => {
    const x = randn([1, 2, 6, 7], new Rng(2));
    const f = (x: Tensor): Tensor =>
      maxPool2d(x, { kernelSize: 2, stride: 3, padding: 2, dilation: 4, ceilMode: true });
    for (const opset of OPSETS) expect(await agrees(f, x, opset)).toBe(0);
  });
});

describe("operations that are not exported", () => {
  const logits = randn([2, 3], new Rng(3));
  it.each<[op: string, f: (x: Tensor) => Tensor]>([
    ["dropout", (x) => autograd.dropout(x, 0.5, { rng: new Rng(0) })],
    ["crossEntropy", (x) => autograd.crossEntropy(x, [0, 1])],
    ["nllLoss", (x) => autograd.nllLoss(x, [0, 1])],
    ["mseLoss", (x) => autograd.mseLoss(x, logits)],
    ["bceWithLogits", (x) => autograd.bceWithLogits(x, logits)],
  ])("%s: the error names it and says why", (op, f) => {
    const call = (): unknown => exportOnnx(new Apply(f), { example: logits, dynamicBatch: false });
    expect(call).toThrow(OnnxExportError);
    expect(call).toThrow(`exportOnnx: ${op} in the network itself: ${notExported[op]}`);
  });

  it("operations of one's own", () => {
    const double = (x: Tensor): Tensor => record("double", randn(x.shape, new Rng(0)), [x], (gy) => [gy]);
    const call = (): unknown => exportOnnx(new Apply(double), { example: logits });
    expect(call).toThrow("exportOnnx: double in the network itself: there is no exporter for it");
  });
});
