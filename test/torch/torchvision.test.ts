/**
 * Every network that torchvision has too, against torchvision itself: logits, and the loss, gradients and running statistics
 * of a training step, on random weights that go there as a safetensors file.
 *
 * Runs where `python3` (or what SKIPSTONE_PYTHON names) has torch and torchvision, and says so where it does not. By itself
 * it compares a small and a large design; all of them, which takes some minutes, where SKIPSTONE_PYTHON is set:
 *
 *   SKIPSTONE_PYTHON=python3 npx vitest run test/torch
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import type { DType } from "../../src/io/index.ts";
import { init, type Module } from "../../src/nn/index.ts";
import { saveWeightsFile } from "../../src/node/index.ts";
import { createModel, type ModelName, modelNames } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { owned, type Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";
import { parameterSlots } from "../support/blocks.ts";

const python = process.env["SKIPSTONE_PYTHON"] ?? "python3";
const script = fileURLToPath(new URL("compare.py", import.meta.url));
const versions = spawnSync(python, [script], { encoding: "utf8" });
const here = versions.status === 0;
const why = here ? "" : (versions.error?.message ?? (versions.stdout + versions.stderr).trim());
console.log(here ? `comparing with ${versions.stdout.trim()}` : `not compared with torchvision: ${python}: ${why}`);

const CIFAR = /^(resnet(20|32|44|56|110|1202)|preact|plain|highway|conv_highway)/;
const shared = modelNames.filter((name) => !CIFAR.test(name));
const names = process.env["SKIPSTONE_PYTHON"] ? shared : shared.filter((name) => /^(resnet18|resnet50)$/.test(name));

/**
 * Weights as in a network that has been trained a little: norms are not the identity, running statistics are not what they
 * start as, and branches are small, so that the signal of 50 blocks does not grow as 2⁵⁰.
 */
function shake(model: Module): void {
  const rng = new Rng(1);
  for (const [name, t] of Object.entries(model.stateDict())) {
    if (name.endsWith("running_mean") || name.endsWith("bias")) init.normal(t, rng, { std: 0.1 });
    else if (name.endsWith("running_var")) init.uniform(t, rng, { low: 0.8, high: 1.2 });
    else if (t.rank === 1) init.normal(t, rng, { mean: 1, std: 0.1 });
  }
  for (const [, module] of model.namedModules()) {
    const { bn2, bn3 } = module as { bn2?: { weight: Tensor }; bn3?: { weight: Tensor } };
    const last = bn3 ?? bn2;
    if (last) last.weight.assign(last.weight.data.map((v) => 0.25 * v));
  }
}

/**
 * Our side of the comparison, by the names that compare.py expects. What is continuous is computed in float32 on the tier in
 * use. Gradients are computed in float64, by the plain kernels and on smaller images: in float32 a ReLU that sees a number on
 * the other side of 0 moves all gradients before it by some thousandths, torchvision's own too.
 */
function results(name: ModelName): Record<string, Tensor> {
  const noDropout = name.startsWith("vgg") ? { dropout: 0 } : {};
  const model = createModel(name, { classes: 10, rng: new Rng(0), ...noDropout });
  shake(model);
  const state = Object.entries(model.stateDict()).map(([key, t]) => [`state/${key}`, t.clone()] as const);
  const [x, small] = [randn([4, 3, 64, 64], new Rng(2)), randn([3, 3, 32, 32], new Rng(3))];
  const labels = Int32Array.of(3, 1, 4, 1);

  const evaluated = noGrad(() => model.eval().forward(x));
  const logits = noGrad(() => model.train().forward(x));
  const running = model.namedBuffers().filter(([key]) => !key.endsWith("tracked"));
  return {
    ...Object.fromEntries(state),
    x,
    labels: tensor(Float32Array.from(labels)),
    evaluated,
    "trained/logits": logits,
    "trained/loss": crossEntropy(logits, labels),
    ...Object.fromEntries(running.map(([key, t]) => [`running/${key}`, t.clone()])),
    "small/x": small,
    "small/labels": tensor(Float32Array.from(labels.subarray(0, 3))),
    ...gradientsInFloat64(model, small, labels.subarray(0, 3)),
  };
}

function gradientsInFloat64(model: Module, x: Tensor, labels: Int32Array): Record<string, Tensor> {
  const double = (t: Tensor): Tensor => owned(Float64Array.from(t.data), t.shape, t.requiresGrad);
  const before = useKernels("plain");
  try {
    for (const { owner, key } of parameterSlots(model)) owner[key] = double(owner[key] as Tensor);
    const grads = backward(crossEntropy(model.forward(double(x)), labels));
    return Object.fromEntries(model.namedParameters().map(([key, t]) => [`gradient/${key}`, grads.get(t)]));
  } finally {
    useKernels(before);
  }
}

/** Norm of the error over norm of the reference: eight times torchvision's own in float32, or a few roundings. */
const FLOAT32 = 1e-5;
/** The same for float64, of which batch norm over three values may lose half the digits. */
const FLOAT64 = 1e-8;

describe.skipIf(!here)("torchvision's networks", () => {
  it.each(names)("%s", { timeout: 900_000 }, async (name) => {
    const folder = mkdtempSync(join(tmpdir(), "skipstone-"));
    try {
      const path = join(folder, "results.safetensors");
      const dtype = (key: string): DType =>
        key.startsWith("gradient/") ? "float64" : key.endsWith("num_batches_tracked") ? "int64" : "float32";
      await saveWeightsFile(path, results(name), { dtype });
      const { stdout } = await promisify(execFile)(python, [script, name, path], { maxBuffer: 2 ** 26 });
      const errors = Object.entries(JSON.parse(stdout) as Record<string, [ours: number, theirs: number]>);
      const worst = (kind: RegExp): string => {
        const [key, [ours, theirs]] = errors.filter(([k]) => kind.test(k)).sort(([, [a]], [, [b]]) => b - a)[0];
        return `${key} ${ours.toExponential(1)}${theirs > 0 ? ` (torch ${theirs.toExponential(1)})` : ""}`;
      };
      console.log(`${name}, ${errors.length} tensors, the worst: ${worst(/^(?!gradient)/)}; ${worst(/^gradient/)}`);
      const limit = (key: string, theirs: number): number =>
        key.startsWith("gradient/") ? FLOAT64 : Math.max(8 * theirs, FLOAT32);
      expect(errors.filter(([key, [ours, theirs]]) => !(ours <= limit(key, theirs)))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
