/**
 * Blocks, networks, training and gradient flow against torchvision-style PyTorch modules: test/golden/models.py.
 *
 * The architectures are rebuilt here from `attrs`, and the state is loaded by PyTorch's names: that alone proves that
 * `stateDict()` has those names and no others.
 */
import { expect } from "vitest";
import { backward, valueAndGrad } from "../../src/autograd/backward.ts";
import { add, relu } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import {
  Adam,
  BatchNorm2d,
  Conv2d,
  gradNorm,
  Module,
  type Optimizer,
  observe,
  SGD,
  type StateDict,
} from "../../src/nn/index.ts";
import { BasicBlock, cifarResNet, PreActBlock } from "../../src/resnet/index.ts";
import { kernels } from "../../src/tensor/kernels.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import {
  type Attributes,
  disagreement,
  type GoldenCase,
  type GoldenFile,
  type GoldenScalar,
  inputTensor,
  scalarDisagreement,
  stateOf,
} from "../support/golden.ts";
import { goldenFamily } from "../support/golden-family.ts";
import { withPlainDecisions } from "../support/relu-decisions.ts";

/** y = x + F(x), F = conv2 ∘ relu ∘ bn1 ∘ conv1: nothing but the identity path and a branch. */
class IdentityPath extends Module {
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

function moduleOf(a: Attributes): Module {
  const rng = new Rng(0);
  switch (a["arch"]) {
    case "basic": {
      const shortcut = a["downsample"] ? "project" : "identity";
      return new BasicBlock(a["inplanes"], a["planes"], { stride: a["stride"], shortcut, rng });
    }
    case "preact": {
      const changes = a["stride"] !== 1 || a["inplanes"] !== a["planes"];
      const shortcut = changes ? "project" : "identity";
      return new PreActBlock(a["inplanes"], a["planes"], { stride: a["stride"], shortcut, rng });
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
    case "identity_path":
      return new IdentityPath(a["channels"], a["mid"], a["kernel"], rng);
    default:
      throw new Error(`no architecture called ${a["arch"]}`);
  }
}

/** The case's module with the case's state. Only `num_batches_tracked` may be missing: the fixtures leave it out. */
function loaded(c: GoldenCase, file: GoldenFile): { model: Module; state: StateDict } {
  const model = moduleOf(c.attrs);
  const { missing, unexpected } = model.loadStateDict(stateOf(c, file), { strict: false });
  expect(unexpected).toEqual([]);
  expect(missing.filter((name) => !name.endsWith("num_batches_tracked"))).toEqual([]);
  expect(model.parameterCount()).toBe(c.param_count);
  model.train(c.attrs["mode"] !== "eval");
  return { model, state: model.stateDict() };
}

/** Collects what differs, each with its name. */
class Findings {
  readonly list: string[] = [];

  add(name: string, difference: string | undefined): void {
    if (difference !== undefined) this.list.push(`${name} ${difference}`);
  }
}

function dot(a: Tensor, b: Tensor): number {
  let sum = 0;
  for (let i = 0; i < a.size; i++) sum += a.data[i] * b.data[i];
  return sum;
}

function norm(t: Tensor): number {
  return Math.sqrt(dot(t, t));
}

goldenFamily("blocks", {
  run: {
    block: ({ case: c, file, input }) => {
      const { model, state } = loaded(c, file);
      return { outputs: { y: model.forward(input("x")), ...state }, parameters: state };
    },
  },
  skip: {
    bottleneck: "bottleneck blocks are not built yet",
    bottleneck_down: "bottleneck blocks are not built yet",
    highway: "highway blocks are not built yet",
  },
});

goldenFamily("models_cifar", {
  run: {
    model_eval: ({ case: c, file, input }) => {
      const { model } = loaded(c, file);
      const outputs: Record<string, Tensor> = {};
      const logits = noGrad(() =>
        observe(
          model,
          (path, _module, _x, y) => {
            outputs[`stage:${path}`] = y.clone();
          },
          () => model.forward(input("x")),
        ),
      );
      return { outputs: { ...outputs, logits } };
    },
  },
});

function optimizerOf(model: Module, a: Attributes): Optimizer {
  const options = { lr: a["lr"], weightDecay: a["weight_decay"] ?? 0 };
  if (a["optimizer"] === "adam") return new Adam(model.parameters(), { ...options, betas: a["betas"], eps: a["eps"] });
  return new SGD(model.parameters(), { ...options, momentum: a["momentum"] });
}

/** Number t along the first axis. */
function at(t: Tensor, i: number): Tensor {
  const shape = t.shape.slice(1);
  const size = t.size / t.shape[0];
  return new Tensor(t.data.slice(i * size, (i + 1) * size), shape);
}

goldenFamily("trajectory", {
  run: {
    train_trajectory: ({ case: c, file, attrs, input, integers }) => {
      const { model, state } = loaded(c, file);
      const found = new Findings();
      const outputs = c.outputs as unknown as { loss: GoldenScalar[]; grad_norm: GoldenScalar[] };
      const optimizer = optimizerOf(model, attrs);
      const x = input("x");
      const labels = integers("labels");
      for (let t = 0; t < attrs["steps"]; t++) {
        const batch = labels.subarray(t * attrs["batch"], (t + 1) * attrs["batch"]);
        const { value, grads } = valueAndGrad(() => crossEntropy(model.forward(at(x, t)), batch));
        found.add(`loss of step ${t}`, scalarDisagreement(value.item(), outputs.loss[t]));
        found.add(
          `gradient norm of step ${t}`,
          scalarDisagreement(gradNorm(grads, model.parameters()), outputs.grad_norm[t]),
        );
        optimizer.step(grads);
      }
      for (const [name, reference] of Object.entries(c["param_l2_after"] as Record<string, GoldenScalar>)) {
        found.add(`norm of ${name}`, scalarDisagreement(norm(state[name]), reference));
      }
      for (const [name, reference] of Object.entries(c["running"] as NonNullable<GoldenCase["outputs"]>)) {
        found.add(name, disagreement(state[name].data, state[name].shape, reference));
      }
      model.eval();
      const logits = noGrad(() => model.forward(at(x, 0)));
      found.add("final logits", disagreement(logits.data, logits.shape, c.outputs!["final_eval_logits"]));
      return { outputs: {}, disagreements: found.list };
    },
  },
});

goldenFamily("gradient_flow", {
  run: {
    grad_flow: ({ case: c, file, input, integers }) => {
      const disagreements = (): string[] => {
        const { model, state } = loaded(c, file);
        const found = new Findings();
        const { value, grads } = valueAndGrad(() => crossEntropy(model.forward(input("x")), integers("labels")));
        found.add("loss", scalarDisagreement(value.item(), (c.outputs as unknown as { loss: GoldenScalar }).loss));
        for (const [name, reference] of Object.entries(c.grad_l2!)) {
          found.add(`gradient norm of ${name}`, scalarDisagreement(norm(grads.get(state[name])), reference));
        }
        return found.list;
      };
      const found = disagreements();
      if (found.length === 0 || kernels.name === "plain") return { outputs: {}, disagreements: found };
      // Another tier may see a pre-activation that is almost 0 on the other side of it: rarely, and only then.
      const { result, flips } = withPlainDecisions(disagreements);
      for (const { values } of flips) expect(Math.max(...values.map(Math.abs))).toBeLessThan(1e-5);
      expect(flips.length).toBeLessThanOrEqual(2);
      console.log(
        `${c.name} (${kernels.name}): a ReLU on the other side of 0: ${flips.map((f) => f.values.join(" for "))}`,
      );
      return { outputs: {}, disagreements: result };
    },
    identity_vjp: ({ case: c, file }) => {
      const model = loaded(c, file).model as IdentityPath;
      const [x, g, v] = ["x", "g", "v"].map((name) => inputTensor(c.inputs[name], name === "x"));
      const y = model.forward(x);
      const gradX = backward(y, { gradient: g }).get(x);
      const branchVjp = backward(model.branch(x), { gradient: g }).get(x);
      const found = new Findings();
      const check = (name: string, t: Tensor): void => found.add(name, disagreement(t.data, t.shape, c.outputs![name]));
      check("y", y);
      check("grad_x", gradX);
      check("branch_vjp", branchVjp);
      // The identity: what the branch did not send is the upstream gradient itself; and ⟨grad_x, v⟩ = ⟨g, J v⟩.
      const { atol } = c["identity"] as { atol: number };
      g.data.forEach((expected, i) => {
        const through = gradX.data[i] - branchVjp.data[i];
        if (!(Math.abs(through - expected) <= atol)) found.add(`identity at ${i}`, `is ${through}, not ${expected}`);
      });
      const jvp = inputTensor(c.outputs!["jvp_y"]);
      const [left, right] = [dot(gradX, v), dot(g, jvp)];
      // Sums of n products, each within atol.
      if (!(Math.abs(left - right) <= atol * x.size)) found.add("⟨grad_x, v⟩", `is ${left}, ⟨g, J v⟩ is ${right}`);
      return { outputs: {}, disagreements: found.list };
    },
  },
});
