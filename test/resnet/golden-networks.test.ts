/**
 * Whole networks against torchvision: logits, interior activations, a training step's gradients and running statistics,
 * names and shapes of the state. The definitions: test/golden/models.py.
 */
import { valueAndGrad } from "../../src/autograd/backward.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { disagreement, type GoldenReference, type GoldenScalar, scalarDisagreement } from "../support/golden.ts";
import { goldenFamily } from "../support/golden-family.ts";
import { evaluateModel, Findings, judged, loaded, moduleOf, norm } from "../support/golden-models.ts";

goldenFamily("models_resnet", { run: { model_eval: evaluateModel } });

goldenFamily("models_vgg", { run: { model_eval: evaluateModel } });

goldenFamily("model_train", {
  run: {
    model_train: ({ case: c, file, attrs, input, integers }) =>
      judged(c, () => {
        const { model, state } = loaded(c, file);
        const found = new Findings();
        const { value, grads } = valueAndGrad(() => {
          const logits = model.forward(input("x"));
          return {
            loss: crossEntropy(logits, integers("labels"), { labelSmoothing: attrs["label_smoothing"] }),
            logits,
          };
        });
        const outputs = c.outputs as unknown as { loss: GoldenScalar; logits: GoldenReference };
        found.add("loss", scalarDisagreement(value.loss.item(), outputs.loss));
        found.add("logits", disagreement(value.logits.data, value.logits.shape, outputs.logits));
        for (const name of Object.keys(state)) {
          if (Object.hasOwn(c.grad_l2!, name) === grads.has(state[name])) continue;
          found.add(name, grads.has(state[name]) ? "has a gradient, and should not" : "has no gradient");
        }
        for (const [name, reference] of Object.entries(c.grad_l2!)) {
          found.add(`gradient norm of ${name}`, scalarDisagreement(norm(grads.get(state[name])), reference));
        }
        for (const [name, reference] of Object.entries(c.grads!)) {
          const gradient = grads.get(state[name]);
          found.add(`gradient of ${name}`, disagreement(gradient.data, gradient.shape, reference));
        }
        for (const [name, reference] of Object.entries(c["running"] as Record<string, GoldenReference>)) {
          found.add(name, disagreement(state[name].data, state[name].shape, reference));
        }
        return found.list;
      }),
  },
});

goldenFamily("state_dicts", {
  run: {
    state_dict: ({ case: c }) => {
      const model = moduleOf(c.attrs);
      const parameters = new Set(model.parameters());
      const entries = Object.entries(model.stateDict()).map(([name, t]) => [
        name,
        t.shape,
        parameters.has(t) ? "p" : "b",
      ]);
      const expected = (c["entries"] as [string, number[], string, string][]).map(([name, shape, , kind]) => [
        name,
        shape,
        kind,
      ]);
      const found = new Findings();
      if (JSON.stringify(entries) !== JSON.stringify(expected)) found.add("the state", `is ${JSON.stringify(entries)}`);
      if (model.parameterCount() !== c.param_count) found.add("the parameters", `are ${model.parameterCount()}`);
      return { outputs: {}, disagreements: found.list };
    },
    param_count: ({ case: c }) => {
      const count = moduleOf(c.attrs).parameterCount();
      return {
        outputs: {},
        disagreements: count === c.param_count ? [] : [`${count} parameters, expected ${c.param_count}`],
      };
    },
  },
});
