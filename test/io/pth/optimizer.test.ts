/**
 * PyTorch's optimiser state, in and out. The files in test/golden/pth-optimizers are PyTorch's, and ours that PyTorch has
 * loaded and gone on from (make.py there).
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { valueAndGrad } from "../../../src/autograd/backward.ts";
import { mseLoss } from "../../../src/autograd/element-losses.ts";
import { add, mul } from "../../../src/autograd/elementwise.ts";
import { matmul } from "../../../src/autograd/matmul.ts";
import { loadPthOptimizer, readPth, type TorchOptimizer, writePth, writePthCheckpoint } from "../../../src/io/index.ts";
import { Adam, AdamW, type ParameterGroup, RMSprop, SGD } from "../../../src/nn/index.ts";
import { full } from "../../../src/tensor/create.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { inputTensor } from "../../support/golden.ts";

const folder = new URL("../../golden/pth-optimizers/", import.meta.url);
const bytesOf = (name: string): Uint8Array => readFileSync(new URL(`${name}.pth`, folder));
type Weights = Record<"W" | "s" | "b", number[]>;
const numbersIn = (name: string): Record<string, Weights> => JSON.parse(readFileSync(new URL(name, folder), "utf8"));

const made = (name: string, shape: number[]): Tensor =>
  inputTensor({ shape, gen: `pth-optimizers/${name}`, scale: 1, offset: 0 });
const [X, Y] = [made("X", [9, 5]), made("Y", [9, 3])];

type Problem = Record<"W" | "s" | "b", Tensor>;

/** W, b, and a scale that is frozen: no gradient ever reaches it. */
function problem(): Problem {
  const p = { W: made("W", [5, 3]), s: full([3], 1), b: made("b", [3]) };
  p.W.requiresGrad = true;
  p.b.requiresGrad = true;
  return p;
}

function train({ W, s, b }: Problem, optimizer: TorchOptimizer, steps: number): void {
  for (let t = 0; t < steps; t++) {
    optimizer.step(valueAndGrad(() => mseLoss(add(mul(matmul(X, W), s), b), Y)).grads);
  }
}

const one = ({ W, s, b }: Problem): Tensor[] => [W, s, b];
const two = ({ W, s, b }: Problem, own: object): ParameterGroup<object>[] => [
  { parameters: [W, s] },
  { parameters: [b], ...own },
];
const sgdGroups = (p: Problem, own: object = {}, options: object = {}): SGD =>
  new SGD(two(p, { lr: 0.02, momentum: 0.5, weightDecay: 0, ...own }), {
    lr: 0.1,
    momentum: 0.9,
    weightDecay: 0.1,
    dampening: 0.2,
    ...options,
  });

/** The optimisers of make.py. */
const cases: Readonly<Record<string, (p: Problem) => TorchOptimizer>> = {
  sgd: (p) => new SGD(one(p), { lr: 0.1 }),
  sgd_momentum: (p) => new SGD(one(p), { lr: 0.05, momentum: 0.9, weightDecay: 0.01, nesterov: true }),
  sgd_groups: (p) => sgdGroups(p),
  adam: (p) => new Adam(one(p), { lr: 0.02, betas: [0.8, 0.95], weightDecay: 0.01 }),
  adam_amsgrad: (p) => new Adam(one(p), { lr: 0.02, amsgrad: true, maximize: true }),
  adamw: (p) => new AdamW(two(p, { weightDecay: 0 }), { lr: 0.02, weightDecay: 0.1 }),
  rmsprop: (p) => new RMSprop(one(p)),
  rmsprop_all: (p) => new RMSprop(one(p), { alpha: 0.9, eps: 1e-3, momentum: 0.8, centered: true, weightDecay: 0.01 }),
};

/** Within a few roundings of float32 in each of the steps. */
function expectWeights(p: Problem, expected: Weights): void {
  for (const name of ["W", "s", "b"] as const) {
    p[name].data.forEach((value, i) => {
      expect(Math.abs(value - expected[name][i]), `${name}[${i}]: ${value}`).toBeLessThan(2e-6);
    });
  }
}

function loadWeights(p: Problem, bytes: Uint8Array): void {
  const state = readPth(bytes).stateDict();
  for (const name of ["W", "s", "b"] as const) p[name].assign(state[name]);
}

describe("PyTorch's files", () => {
  it.each(Object.keys(cases))("%s: three more steps are PyTorch's going on", (name) => {
    const p = problem();
    loadWeights(p, bytesOf(name));
    const optimizer = cases[name](p);
    const { lr } = optimizer;
    loadPthOptimizer(optimizer, bytesOf(name));
    expect(optimizer.lr).toBeCloseTo(lr / 2, 12);
    train(p, optimizer, 3);
    expectWeights(p, numbersIn("expected.json")[name]);
  });

  it.each([
    ["adam_old", "one as before PyTorch 1.12, which is the optimiser's state alone, with steps as numbers"],
    ["adam_tensor_lr", "one whose rate is a tensor, as PyTorch 2 allows"],
  ])("%s: %s", (name) => {
    const p = problem();
    loadWeights(p, bytesOf("adam"));
    const optimizer = cases["adam"](p);
    loadPthOptimizer(optimizer, bytesOf(name));
    train(p, optimizer, 3);
    expectWeights(p, numbersIn("expected.json")[name]);
  });

  it("Lightning's list of states, and another order of what is trained", () => {
    const bytes = bytesOf("other_order");
    const p = problem();
    loadWeights(p, bytes);
    expect(() => loadPthOptimizer(new SGD(one(p), { lr: 0.1, momentum: 0.9 }), bytes)).toThrow(
      "weights: the file's optimiser has 2 parameters by group, this one 3: make it with the same groups of the same parameters (frozen ones count",
    );
    expect(() => loadPthOptimizer(new SGD([p.W, p.b], { lr: 0.1, momentum: 0.9 }), bytes)).toThrow(
      "weights: the momentum_buffer of parameter 0 is [3], and this optimiser's parameter 0 is [5,3]: PyTorch numbers parameters in the order in which its optimiser was given them",
    );
    const optimizer = new SGD([p.b, p.W], { lr: 0.1, momentum: 0.9 });
    loadPthOptimizer(optimizer, bytes);
    train(p, optimizer, 3);
    expectWeights(p, numbersIn("expected.json")["other_order"]);
  });
});

describe("our files", () => {
  /** After 4 steps, with half the rate. */
  function trained(name: string): { p: Problem; optimizer: TorchOptimizer; bytes: Uint8Array } {
    const p = problem();
    const optimizer = cases[name](p);
    train(p, optimizer, 4);
    optimizer.lr *= 0.5;
    return { p, optimizer, bytes: writePthCheckpoint({ ...p }, optimizer) };
  }

  if (process.env["SKIPSTONE_WRITE"]) {
    mkdirSync(new URL("ours/", folder), { recursive: true });
    for (const name of Object.keys(cases)) writeFileSync(new URL(`ours/${name}.pth`, folder), trained(name).bytes);
  }

  it.each(Object.keys(cases))("%s: PyTorch loads such a file, and goes on as we do", (name) => {
    const { p, optimizer, bytes } = trained(name);
    expect(withoutNumbers(bytes)).toBe(withoutNumbers(bytesOf(`ours/${name}`)));
    train(p, optimizer, 3);
    expectWeights(p, numbersIn("ours.json")[name]);
  });

  it.each(Object.keys(cases))("%s: we load it to the bit", (name) => {
    const { p, optimizer, bytes } = trained(name);
    const other = problem();
    loadWeights(other, bytes);
    const again = cases[name](other);
    loadPthOptimizer(again, bytes);
    expect(again.stateDict()).toEqual(optimizer.stateDict());
    train(p, optimizer, 2);
    train(other, again, 2);
    expect(other.W.data).toEqual(p.W.data);
  });

  it("an optimiser that has not stepped yet", () => {
    const p = problem();
    const again = new Adam(one(p));
    loadPthOptimizer(again, writePthCheckpoint({ ...p }, new Adam(one(p), { lr: 0.5 })));
    expect(again.stateDict()).toEqual({ tensors: {}, numbers: { lr: 0.5, momentum: 0.9 } });
  });
});

/** The pickle, which has everything but the tensors' numbers. */
function withoutNumbers(bytes: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(bytes);
  return text.slice(text.indexOf("weights/data.pkl"), text.indexOf("weights/byteorder"));
}

describe("errors", () => {
  const p = problem();
  const bytes = bytesOf("sgd_groups");

  it.each<[() => TorchOptimizer, Uint8Array, string]>([
    [
      () => sgdGroups(p, {}, { weightDecay: 0.2 }),
      bytes,
      "weights: group 0 of the file's optimiser has weight_decay 0.1, this one 0.2: make it with { weightDecay: 0.1 }",
    ],
    [() => sgdGroups(p, { momentum: 0.6 }), bytes, "group 1 of the file's optimiser has momentum 0.5, this one 0.6"],
    [() => sgdGroups(p, { lr: 0.03 }), bytes, "group 1 of the file's optimiser has lr 0.01, this one 0.015"],
    [() => sgdGroups(p, {}, { maximize: true }), bytes, "has maximize false, this one true: make it with"],
    [() => new SGD(one(p), { lr: 0.1 }), bytes, "has 2 + 1 parameters by group, this one 3"],
    [() => new Adam(one(p)), bytesOf("sgd"), "the file has another kind of optimiser: its group 0 has no betas"],
    [() => new RMSprop(one(p)), bytesOf("adagrad"), "the file has another kind of optimiser: its group 0 has no alpha"],
    [() => new SGD(one(p), { lr: 1 }), writePth({ ...p }), 'there is no optimiser\'s state, a dict with "state" and'],
  ])("%#", (make, file, message) => {
    const optimizer = make();
    const before = optimizer.stateDict();
    expect(() => loadPthOptimizer(optimizer, file)).toThrow(message);
    expect(optimizer.stateDict()).toEqual(before);
  });

  it("a key that is not there; what is no optimiser", () => {
    const sgd = new SGD(one(p), { lr: 1 });
    expect(() => loadPthOptimizer(sgd, bytesOf("sgd"), { key: "optim" })).toThrow(
      'there is no optimiser\'s state under the key "optim", a dict with "state" and "param_groups". It holds "epoch"',
    );
    expect(() => loadPthOptimizer({} as never, bytes)).toThrow(
      "loadPthOptimizer: takes an SGD, Adam, AdamW or RMSprop, got ",
    );
    expect(() => writePthCheckpoint({ ...p }, null as never)).toThrow("writePthCheckpoint: takes an SGD, Adam");
    expect(() => loadPthOptimizer(sgd, bytes, { keys: "a" } as never)).toThrow('there is no option "keys"');
  });
});
