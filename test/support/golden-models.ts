/**
 * The architectures of test/golden/models.py, rebuilt from a case's `attrs`, with the case's state loaded by PyTorch's names:
 * that alone proves that `stateDict()` has those names and no others.
 */
import { expect } from "vitest";
import { add, relu } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { BatchNorm2d, Conv2d, Module, observe, type StateDict } from "../../src/nn/index.ts";
import {
  BasicBlock,
  Bottleneck,
  cifarResNet,
  createModel,
  HighwayBlock,
  type VggDepth,
  vgg,
} from "../../src/resnet/index.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { kernels } from "../../src/tensor/tier.ts";
import { type Attributes, type GoldenCase, type GoldenFile, stateOf } from "./golden.ts";
import type { GoldenResult, GoldenRun } from "./golden-family.ts";
import { withPlainDecisions } from "./relu-decisions.ts";

/** y = x + F(x), F = conv2 ∘ relu ∘ bn1 ∘ conv1: nothing but the identity path and a branch. */
export class IdentityPath extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;

  constructor(channels: number, mid: number, kernel: number, rng: Rng) {
    super();
    const padding = Math.floor(kernel / 2);
    this.conv1 = new Conv2d(channels, mid, kernel, { padding, bias: false, rng });
    this.bn1 = new BatchNorm2d(mid);
    this.conv2 = new Conv2d(mid, channels, kernel, { padding, bias: false, rng });
  }

  branch(x: Tensor): Tensor {
    return this.conv2.forward(relu(this.bn1.forward(this.conv1.forward(x))));
  }

  forward(x: Tensor): Tensor {
    return add(x, this.branch(x));
  }
}

/** Draws nothing: the state is loaded afterwards, and millions of random numbers take their time. */
const leaveZero = (): void => {};

export function moduleOf(a: Attributes): Module {
  const rng = new Rng(0);
  switch (a["arch"]) {
    case "basic": {
      const shortcut = a["downsample"] ? "project" : "identity";
      return new BasicBlock(a["inplanes"], a["planes"], { stride: a["stride"], shortcut, rng });
    }
    case "bottleneck": {
      const shortcut = a["downsample"] ? "project" : "identity";
      const { groups = 1, base_width: baseWidth = 64, dilation = 1 } = a;
      const options = { stride: a["stride"], shortcut, groups, baseWidth, dilation, rng } as const;
      return new Bottleneck(a["inplanes"], 4 * a["planes"], options);
    }
    case "preact": {
      const changes = a["stride"] !== 1 || a["inplanes"] !== a["planes"];
      const shortcut = changes ? "project" : "identity";
      return new BasicBlock(a["inplanes"], a["planes"], { stride: a["stride"], shortcut, order: "pre", rng });
    }
    case "preact_bottleneck": {
      const changes = a["stride"] !== 1 || a["inplanes"] !== 4 * a["planes"];
      const shortcut = changes ? "project" : "identity";
      return new Bottleneck(a["inplanes"], 4 * a["planes"], { order: "pre", stride: a["stride"], shortcut, rng });
    }
    case "cifar":
      return cifarResNet(a["depth"], {
        width: a["width"],
        classes: a["classes"],
        shortcut: a["residual"] ? "pad" : "none",
        padChannels: a["shortcut_pad"],
        batchNorm: a["bn"],
        rng,
      });
    case "highway":
      return new HighwayBlock(a["channels"], { kernelSize: a["kernel"], batchNorm: a["bn"], rng });
    case "torchvision":
      return createModel(a["model"], { classes: a["classes"] ?? 1000, rng, init: leaveZero });
    case "vgg_small": {
      const depth = { A: 11, B: 13, D: 16, E: 19 }[a["cfg"] as "A" | "B" | "D" | "E"] as VggDepth;
      const {
        batch_norm: batchNorm,
        feature_hw: [gridSize],
        hidden,
        classes,
      } = a;
      return vgg(depth, { batchNorm, gridSize, hidden: [hidden], classes, rng, init: leaveZero });
    }
    case "identity_path":
      return new IdentityPath(a["channels"], a["mid"], a["kernel"], rng);
    default:
      throw new Error(`no architecture called ${a["arch"]}`);
  }
}

/** The case's module with the case's state. Only `num_batches_tracked` may be missing: the fixtures leave it out. */
export function loaded(c: GoldenCase, file: GoldenFile): { model: Module; state: StateDict } {
  const model = moduleOf(c.attrs);
  const { missing, unexpected } = model.loadStateDict(stateOf(c, file), { strict: false });
  expect(unexpected).toEqual([]);
  expect(missing.filter((name) => !name.endsWith("num_batches_tracked"))).toEqual([]);
  expect(model.parameterCount()).toBe(c.param_count);
  model.train(c.attrs["mode"] !== "eval");
  return { model, state: model.stateDict() };
}

/** Collects what differs, each with its name. */
export class Findings {
  readonly list: string[] = [];

  add(name: string, difference: string | undefined): void {
    if (difference !== undefined) this.list.push(`${name} ${difference}`);
  }
}

export function dot(a: Tensor, b: Tensor): number {
  let sum = 0;
  for (let i = 0; i < a.size; i++) sum += a.data[i] * b.data[i];
  return sum;
}

export function norm(t: Tensor): number {
  return Math.sqrt(dot(t, t));
}

/** `model_eval`: the logits, and the outputs of those submodules that the case names (`stage:layer1`). */
export const evaluateModel: GoldenRun = ({ case: c, file, input }) => {
  const { model } = loaded(c, file);
  const outputs: Record<string, Tensor> = {};
  const logits = noGrad(() =>
    observe(
      model,
      (path, _module, _x, y) => {
        if (Object.hasOwn(c.outputs!, `stage:${path}`)) outputs[`stage:${path}`] = y.clone();
      },
      () => model.forward(input("x")),
    ),
  );
  return { outputs: { ...outputs, logits } };
};

/**
 * The result of `disagreements`, a training step on the kernels in use. Another tier than the plain one may see a
 * pre-activation that is almost 0 on the other side of it: rarely, and only then (relu-decisions.ts).
 */
export function judged(c: GoldenCase, disagreements: () => string[]): GoldenResult {
  const found = disagreements();
  if (found.length === 0 || kernels.name === "plain") return { outputs: {}, disagreements: found };
  const { result, flips, decisions } = withPlainDecisions(disagreements);
  for (const { values } of flips) expect(Math.max(...values.map(Math.abs))).toBeLessThan(1e-5);
  // Of pre-activations of size 1 some 10⁻⁶ lie within the rounding errors of 0.
  expect(flips.length).toBeLessThanOrEqual(Math.max(2, 3e-6 * decisions));
  console.log(
    `${c.name} (${kernels.name}): a ReLU on the other side of 0: ${flips.map((f) => f.values.join(" for "))}`,
  );
  return { outputs: {}, disagreements: result };
}
