import { describe, expect, it } from "vitest";
import { checkpoint } from "../../src/autograd/checkpoint.ts";
import { exp } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { type FlowMeasure, type FlowRecorderOptions, flowRecorder } from "../../src/flow/recorder.ts";
import { layerStatistics } from "../../src/flow/statistics.ts";
import {
  Dropout,
  evaluate,
  fit,
  Identity,
  Linear,
  ReLU,
  Sequential,
  SGD,
  type StepInfo,
  TrainingError,
} from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const batch = { x: randn([4, 3, 8, 8], new Rng(1)), labels: [0, 1, 2, 3] };
const net = () => cifarResNet(8, { width: 4, rng: new Rng(2) });
const options = (model: ReturnType<typeof net>, steps: number) => ({
  data: () => [batch],
  optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
  steps,
});

describe("flowRecorder", () => {
  it("records every second step: one row per layer, in the order of the calls", async () => {
    const model = net();
    const recorder = flowRecorder(model, { every: 2 });
    await recorder.during(() => fit(model, { ...options(model, 4), onStep: recorder.onStep }));
    const layers = layerStatistics(model, () => crossEntropy(model.forward(batch.x), batch.labels)).map((r) => r.layer);
    expect(recorder.rows.map(({ step, layer }) => [step, layer])).toEqual(
      [0, 2].flatMap((step) => layers.map((layer) => [step, layer])),
    );
  });

  it("its rows are those of layerStatistics for the same weights and batch", async () => {
    const model = net();
    const expected = layerStatistics(model, () => crossEntropy(model.forward(batch.x), batch.labels));
    const recorder = flowRecorder(model);
    await recorder.during(() => fit(model, { ...options(model, 1), onStep: recorder.onStep }));
    expect(recorder.rows.map(({ step, updateRatio, ...row }) => row)).toEqual(expected);
  });

  it("by hand: w = 2 moves by lr·g = 0.1·3, so the update ratio is 0.15; layers without weight have none", async () => {
    const model = new Sequential(new Linear(1, 1, { bias: false, rng: new Rng(0) }), new ReLU());
    model.stateDict()["0.weight"].assign([2]);
    const recorder = flowRecorder(model);
    await recorder.during(() =>
      fit(model, {
        data: () => [{ x: tensor([[3]]), labels: [0] }],
        optimizer: new SGD(model.parameters(), { lr: 0.1 }),
        loss: (output) => output,
        steps: 1,
        onStep: recorder.onStep,
      }),
    );
    const [linear, relu] = recorder.rows;
    expect([linear.weightNorm, linear.weightGradientNorm]).toEqual([2, 3]);
    expect(linear.updateRatio).toBeCloseTo(0.15, 6);
    expect(relu.updateRatio).toBeNull();
  });

  it("does not change the training, nor see the evaluations in it, and leaves forward as it was", async () => {
    const train = async (record: boolean) => {
      const model = new Sequential(net(), new Dropout(0.2, { rng: new Rng(3) }));
      const recorder = flowRecorder(model, { every: 2 });
      const history = await recorder.during(() =>
        fit(model, {
          data: () => [batch],
          optimizer: new SGD(model.parameters(), { lr: 0.1 }),
          steps: 3,
          onStep: async (info) => {
            await evaluate(model, [batch]);
            if (record) recorder.onStep(info);
          },
        }),
      );
      expect(model.namedModules().some(([, module]) => Object.hasOwn(module, "forward"))).toBe(false);
      return { losses: history.steps.map(({ loss }) => loss), rows: recorder.rows };
    };
    const recorded = await train(true);
    const layers = new Set(recorded.rows.map(({ layer }) => layer)).size;
    expect(recorded.rows).toHaveLength(2 * layers);
    expect((await train(false)).losses).toEqual(recorded.losses);
  });

  it("keeps what a failed step had seen: the layer where NaN appears first", async () => {
    const model = net();
    model.stateDict()["layer2.0.conv1.weight"].data[0] = Number.NaN;
    const recorder = flowRecorder(model);
    await expect(recorder.during(() => fit(model, { ...options(model, 1), onStep: recorder.onStep }))).rejects.toThrow(
      TrainingError,
    );
    const first = recorder.rows.find(({ activationNonFinite }) => activationNonFinite > 0)!;
    expect(first.layer).toBe("layer2.0.conv1");
    expect(first.gradientNorm).toBeNaN();
  });

  const recorded = async (given: FlowRecorderOptions, steps = 2) => {
    const model = net();
    const recorder = flowRecorder(model, given);
    const history = await recorder.during(() => fit(model, { ...options(model, steps), onStep: recorder.onStep }));
    return { rows: recorder.rows, losses: history.steps.map(({ loss }) => loss) };
  };

  it.each([
    [["gradientNorm", "updateRatio"]],
    [["activationNorm", "weightNorm"]],
    [["activationZeros", "unreachedUnits", "kind", "parameters"]],
    [["weightGradientNorm", "frozen", "bypassed", "units"]],
    [["unused", "deadUnits"]],
    [[]],
  ] as const)("only %j: the columns of a full recording", async (only) => {
    const [full, lean] = [await recorded({}), await recorded({ only })];
    const close = (v: unknown): unknown => (typeof v === "number" ? expect.closeTo(v, 12) : v);
    const keys = ["step", "layer", ...only] as const;
    expect(lean.rows.map((row) => Object.keys(row))).toEqual(full.rows.map(() => [...keys]));
    expect(lean.rows).toEqual(
      full.rows.map((row) => Object.fromEntries(keys.map((key) => [key, close(row[key as FlowMeasure])]))),
    );
    expect(lean.losses).toEqual(full.losses);
  });

  it("when: decides about each of the steps of `every`, once", async () => {
    const asked: number[] = [];
    const when = (step: number): boolean => {
      asked.push(step);
      return step !== 2;
    };
    const { rows } = await recorded({ every: 2, when }, 5);
    expect(asked).toEqual([0, 2, 4, 6].slice(0, asked.length));
    expect([...new Set(rows.map(({ step }) => step))]).toEqual([0, 4]);
  });

  it("keep: the newest rows, in the same array; layers: those named", async () => {
    const { rows } = await recorded({ keep: 3, layers: ["conv1", "fc"], only: ["gradientNorm"] }, 4);
    expect(rows.map(({ step, layer }) => `${step} ${layer}`)).toEqual(["2 fc", "3 conv1", "3 fc"]);
    expect(rows.every(({ gradientNorm }) => gradientNorm > 0)).toBe(true);
  });

  it("sees the gradient of a layer that only passes its input on, apart from the input's other uses", async () => {
    const model = new Sequential(new Linear(2, 2, { rng: new Rng(0) }), new Identity());
    const recorder = flowRecorder(model, { only: ["gradientNorm"] });
    await recorder.during(() =>
      fit(model, {
        data: () => [{ x: tensor([[1, 2]]), labels: [0] }],
        optimizer: new SGD(model.parameters(), { lr: 0.1 }),
        loss: (output) => sum(output),
        steps: 1,
        onStep: recorder.onStep,
      }),
    );
    expect(recorder.rows.map(({ gradientNorm }) => gradientNorm)).toEqual([Math.SQRT2, Math.SQRT2]);
  });

  it("a layer that is a checkpoint of its own has its gradient", async () => {
    class Checkpointed extends Linear {
      override forward(x: Tensor): Tensor {
        return checkpoint(() => super.forward(exp(x)));
      }
    }
    const [kept, again] = [Linear, Checkpointed].map((Layer) => new Layer(3, 4, { rng: new Rng(1) }));
    const rowsOf = async (layer: Linear): Promise<readonly object[]> => {
      const recorder = flowRecorder(layer, { only: ["gradientNorm", "unused", "frozen"] });
      const optimizer = new SGD(layer.parameters(), { lr: 0.1 });
      const data = () => [{ x: randn([2, 3], new Rng(0)), labels: [0, 1] }];
      await recorder.during(() => fit(layer, { data, optimizer, steps: 1, onStep: recorder.onStep }));
      return recorder.rows;
    };
    const [[a], [b]] = [await rowsOf(kept), await rowsOf(again)];
    expect(a).toEqual({ step: 0, layer: "", gradientNorm: expect.any(Number), unused: false, frozen: false });
    expect(b).toEqual({ ...a, gradientNorm: expect.any(Number) });
    expect((b as { gradientNorm: number }).gradientNorm).toBeGreaterThan(0.1);
  });

  it("a checkpointed network: the same rows in the same order", async () => {
    const rowsOf = async (checkpoint: boolean): Promise<readonly object[]> => {
      const model = cifarResNet(14, { width: 4, checkpoint, rng: new Rng(2) });
      const recorder = flowRecorder(model, { only: ["activationNorm", "gradientNorm", "updateRatio"] });
      await recorder.during(() => fit(model, { ...options(model, 2), onStep: recorder.onStep }));
      return recorder.rows;
    };
    expect(await rowsOf(true)).toEqual(await rowsOf(false));
  });

  it("a block whose shortcut is cut for a step is not bypassed in it; a shared layer goes by its first name", async () => {
    const model = net();
    const [[, block]] = model.blocks();
    const recorder = flowRecorder(model, { only: ["bypassed"], layers: ["layer1.0.conv1"] });
    const onStep = (info: StepInfo): void => {
      recorder.onStep(info);
      block.cut = info.step === 0 ? "shortcut" : "none";
    };
    await recorder.during(() => fit(model, { ...options(model, 3), onStep }));
    expect(recorder.rows.map(({ bypassed }) => bypassed)).toEqual([true, false, true]);
    const shared = new Linear(3, 3, { rng: new Rng(0) });
    const twice = new Sequential(shared, shared);
    const second = flowRecorder(twice, { only: [] });
    const optimizer = new SGD(twice.parameters(), { lr: 0.1 });
    const data = () => [{ x: randn([2, 3], new Rng(0)), labels: [0, 1] }];
    await second.during(() => fit(twice, { data, optimizer, steps: 1, onStep: second.onStep }));
    expect(second.rows).toEqual([
      { step: 0, layer: "0" },
      { step: 0, layer: "0" },
    ]);
  });

  it("a when that throws ends the training, and the model is as it was", async () => {
    const model = net();
    const when = (step: number): boolean => {
      if (step === 1) throw new Error("mine");
      return true;
    };
    const recorder = flowRecorder(model, { when, only: [] });
    const training = recorder.during(() => fit(model, { ...options(model, 3), onStep: recorder.onStep }));
    await expect(training).rejects.toThrow("mine");
    expect(new Set(recorder.rows.map(({ step }) => step))).toEqual(new Set([0]));
    expect(model.namedModules().some(([, module]) => Object.hasOwn(module, "forward"))).toBe(false);
  });

  it("options that cannot be", () => {
    expect(() => flowRecorder(net(), { keep: 0 })).toThrow("flowRecorder: keep must be a whole number of 1 or more");
    expect(() => flowRecorder(net(), { only: ["norm" as FlowMeasure] })).toThrow("flowRecorder: only must be one of");
    expect(() => flowRecorder(net(), { layers: ["conv9"] })).toThrow(
      'flowRecorder: the model has no layer called "conv9"',
    );
    expect(() => flowRecorder(net(), { when: 3 as never })).toThrow("flowRecorder: when must be a function");
    expect(() => flowRecorder(net(), { when: (async () => true) as never })).toThrow(
      "flowRecorder: when must finish before it returns, got an async one",
    );
  });

  it("every must be a whole number", () => {
    expect(() => flowRecorder(net(), { every: 0 })).toThrow(
      "flowRecorder: every must be a whole number of 1 or more, got 0",
    );
  });
});
