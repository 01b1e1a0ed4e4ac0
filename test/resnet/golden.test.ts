/**
 * Blocks, networks, training and gradient flow against torchvision-style PyTorch modules: test/golden/models.py.
 * The whole networks of ImageNet: golden-networks.test.ts.
 */
import { backward, valueAndGrad } from "../../src/autograd/backward.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { Adam, gradNorm, type Module, type Optimizer, SGD } from "../../src/nn/index.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import {
  type Attributes,
  disagreement,
  type GoldenCase,
  type GoldenScalar,
  inputTensor,
  scalarDisagreement,
} from "../support/golden.ts";
import { goldenFamily } from "../support/golden-family.ts";
import { dot, evaluateModel, Findings, type IdentityPath, judged, loaded, norm } from "../support/golden-models.ts";

goldenFamily("blocks", {
  run: {
    block: ({ case: c, file, input }) => {
      const { model, state } = loaded(c, file);
      return { outputs: { y: model.forward(input("x")), ...state }, parameters: state };
    },
  },
});

goldenFamily("models_cifar", { run: { model_eval: evaluateModel } });

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
    grad_flow: ({ case: c, file, input, integers }) =>
      judged(c, () => {
        const { model, state } = loaded(c, file);
        const found = new Findings();
        const { value, grads } = valueAndGrad(() => crossEntropy(model.forward(input("x")), integers("labels")));
        found.add("loss", scalarDisagreement(value.item(), (c.outputs as unknown as { loss: GoldenScalar }).loss));
        for (const [name, reference] of Object.entries(c.grad_l2!)) {
          found.add(`gradient norm of ${name}`, scalarDisagreement(norm(grads.get(state[name])), reference));
        }
        return found.list;
      }),
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
