import { describe, expect, it } from "vitest";
import * as S from "../../src/index.ts";

const batch = { x: S.randn([4, 3, 8, 8], new S.Rng(1)), labels: [0, 1, 2, 3] };
const net = (options: Partial<S.CifarResNetOptions> = {}): S.ResNet =>
  S.cifarResNet(14, { width: 4, order: "pre", ...options, rng: new S.Rng(2) });
const train = async (model: S.Module, steps: number, given: S.ShareRecorderOptions | null = {}) => {
  const recorder = S.shareRecorder(model, given ?? {});
  const optimizer = new S.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const fitted = () => S.fit(model, { data: () => [batch], optimizer, steps, onStep: recorder.onStep });
  const history = await (given ? recorder.during(fitted) : fitted());
  return { rows: recorder.rows, losses: history.steps.map(({ loss }) => loss) };
};

describe("shareRecorder", () => {
  it.each(["identity", "scale", "shortcutGate", "project", "none"] as const)(
    "shortcut %s: its rows are those of identityShares for the same weights and batch",
    async (shortcut) => {
      for (const order of ["pre", "post"] as const) {
        const model = net({ shortcut, order });
        const expected = S.identityShares(model, () => S.crossEntropy(model.forward(batch.x), batch.labels));
        const { rows } = await train(model, 1);
        expect(rows).toEqual(expected.map((row) => ({ step: 0, ...row })));
      }
    },
  );

  it("blocks that are cut; a first block whose input needs no gradient has no row", async () => {
    const model = new S.Sequential(
      new S.BasicBlock(3, 3, { order: "pre", rng: new S.Rng(0) }),
      new S.BasicBlock(3, 3, { order: "pre", rng: new S.Rng(1) }),
      new S.BasicBlock(3, 3, { order: "pre", rng: new S.Rng(2) }),
      new S.GlobalAvgPool2d(),
      new S.Linear(3, 4, { rng: new S.Rng(3) }),
    );
    const [, second, third] = S.residualBlocks(model).map(([, block]) => block);
    second.cut = "shortcut";
    third.cut = "branch";
    const expected = S.identityShares(model, () => S.crossEntropy(model.forward(batch.x), batch.labels));
    const { rows } = await train(model, 1);
    expect(rows).toEqual(expected.slice(1).map((row) => ({ step: 0, ...row })));
    expect(rows.map(({ identityShare }) => identityShare)).toEqual([0, 1]);
  });

  it("every, when, keep; and the training goes as it would without", async () => {
    const recorded = await train(net(), 5, { every: 2, when: (step) => step !== 2, keep: 7 });
    expect(recorded.rows.map(({ step, block }) => `${step} ${block}`)).toEqual([
      "0 layer3.1",
      ...["1.0", "1.1", "2.0", "2.1", "3.0", "3.1"].map((path) => `4 layer${path}`),
    ]);
    expect(recorded.losses).toEqual((await train(net(), 5, null)).losses);
  });

  it("checkpointed: the same rows in the same order", async () => {
    const [kept, again] = [await train(net(), 2), await train(net({ checkpoint: true }), 2)];
    expect(kept.rows.length).toBe(12);
    expect(again).toEqual(kept);
  });

  it("instruments between the steps are not taken for the training", async () => {
    const [model, twin] = [net(), net()];
    const shares = S.shareRecorder(model);
    const layers = S.flowRecorder(model, { only: ["gradientNorm"] });
    const loss = (): S.Tensor => S.crossEntropy(model.forward(batch.x), batch.labels);
    await layers.during(() =>
      shares.during(() =>
        S.fit(model, {
          data: () => [batch],
          optimizer: new S.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
          steps: 2,
          onStep: (info) => {
            shares.onStep(info);
            layers.onStep(info);
            S.saliency(model, batch.x);
            S.identityShares(model, loss);
            S.layerStatistics(model, loss);
          },
        }),
      ),
    );
    const alone = S.flowRecorder(twin, { only: ["gradientNorm"] });
    const optimizer = new S.SGD(twin.parameters(), { lr: 0.1, momentum: 0.9 });
    await alone.during(() => S.fit(twin, { data: () => [batch], optimizer, steps: 2, onStep: alone.onStep }));
    expect(layers.rows).toEqual(alone.rows);
    expect(shares.rows).toEqual((await train(net(), 2)).rows);
  });

  it("options that cannot be", () => {
    expect(() => S.shareRecorder(net(), { every: 0 })).toThrow(
      "shareRecorder: every must be a whole number of 1 or more",
    );
    expect(() => S.shareRecorder(net(), { when: (async () => true) as never })).toThrow(
      "shareRecorder: when must finish before it returns, got an async one",
    );
    expect(() => S.shareRecorder(net()).onStep(3 as never)).toThrow("shareRecorder.onStep: needs the argument of fit");
  });
});
