/** Switching the mode of a model, part by part, and back. */
import { describe, expect, it } from "vitest";
import { mul } from "../../src/autograd/elementwise.ts";
import { inEvaluation, switchMode } from "../../src/nn/evaluation.ts";
import { BatchNorm2d, Dropout, freeze, fuse, Module, Sequential } from "../../src/nn/index.ts";
import { BasicBlock } from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const build = (): Sequential => {
  const model = new Sequential(new Dropout(0.5, { rng: new Rng(0) }), new Dropout(0.5, { rng: new Rng(0) }));
  model.layers[1].eval();
  return model;
};
const modes = (model: Sequential): boolean[] => [model.training, ...model.layers.map(({ training }) => training)];

it("switchMode sets every part, and puts each one's own mode back", () => {
  const model = build();
  const putBack = switchMode(model, false);
  expect(modes(model)).toEqual([false, false, false]);
  putBack();
  expect(modes(model)).toEqual([true, true, false]);
  switchMode(model, true);
  expect(modes(model)).toEqual([true, true, true]);
});

it("inEvaluation returns what the function returns, and puts the modes back also after an error", () => {
  const model = build();
  expect(inEvaluation(model, () => modes(model))).toEqual([false, false, false]);
  expect(modes(model)).toEqual([true, true, false]);
  const fail = (): never => {
    throw new Error("inside");
  };
  expect(() => inEvaluation(model, fail)).toThrow("inside");
  expect(modes(model)).toEqual([true, true, false]);
});

it("a folded model stays in evaluation mode", () => {
  const model = build();
  fuse(model);
  expect(inEvaluation(model, () => 1)).toBe(1);
});

describe("a part that evaluation does not reach", () => {
  const x = randn([2, 3, 4, 4], new Rng(1));

  /** Its norm is in a #private field. */
  class Hidden extends Module {
    readonly #bn: BatchNorm2d = new BatchNorm2d(3);

    forward(x: Tensor): Tensor {
      return this.#bn.forward(x);
    }
  }

  const message =
    "BatchNorm2d: it is in training mode inside a Hidden that is in evaluation: eval() did not reach it, because it is not a named part of the Hidden. Is it (or its holder) in a #private field";

  it("is an error that says which and what to do: after eval(), in inEvaluation, frozen", () => {
    expect(() => new Hidden().eval().forward(x)).toThrow(message);
    const model = new Hidden();
    expect(() => inEvaluation(model, () => model.forward(x))).toThrow(message);
    expect(model.forward(x).shape).toEqual(x.shape);
    expect(() => freeze(model).forward(x)).toThrow(message);
  });

  it("also deep inside, in a model whose own parts are all in evaluation", () => {
    const model = new Sequential(new Sequential(new Hidden())).eval();
    expect(() => model.forward(x)).toThrow(message);
  });

  it("whatever the layer: dropout, stochastic depth, one of a program's own", () => {
    class Noise extends Module {
      forward(x: Tensor): Tensor {
        return this.training ? mul(x, 2) : x;
      }
    }
    class Around extends Module {
      readonly #layer: Module;

      constructor(layer: Module) {
        super();
        this.#layer = layer;
      }

      forward(x: Tensor): Tensor {
        return this.#layer.forward(x);
      }
    }
    const rng = new Rng(0);
    for (const layer of [new Dropout(0.5, { rng }), new BasicBlock(3, 3, { survival: 0.5, rng }), new Noise()]) {
      expect(() => new Around(layer).eval().forward(x)).toThrow(
        `${layer.constructor.name}: it is in training mode inside a Around that is in evaluation`,
      );
      layer.eval();
      expect(new Around(layer).eval().forward(x).shape).toEqual(x.shape);
    }
  });

  it("a model that is trained beside one in evaluation is no part of it", () => {
    const [teacher, student] = [new BatchNorm2d(3), new BatchNorm2d(3)];
    inEvaluation(teacher, () => {
      teacher.forward(x);
      student.forward(x);
    });
    expect([teacher.numBatchesTracked!.item(), student.numBatchesTracked!.item()]).toEqual([0, 1]);
  });

  it("a named part may be put into training by hand: dropout at evaluation", () => {
    const model = new Sequential(new Sequential(new Dropout(0.5, { rng: new Rng(0) }))).eval();
    model.namedModules()[2][1].train();
    expect(model.forward(x).data).not.toEqual(x.data);
  });

  it("nothing is left behind: an error inside ends the evaluation", () => {
    const model = new Sequential(new BatchNorm2d(7)).eval();
    expect(() => model.forward(x)).toThrow("x must be [N, 7, H, W]");
    expect(new BatchNorm2d(3).forward(x).shape).toEqual(x.shape);
    expect(Object.keys(model)).toEqual(["layers"]);
    expect(Object.hasOwn(model, "forward")).toBe(false);
  });
});

it("train takes true or false", () => {
  expect(() => new Dropout(0.5, { rng: new Rng(0) }).train("false" as unknown as boolean)).toThrow(
    'train: training must be true or false, got "false"',
  );
});
