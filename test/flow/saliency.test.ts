import { describe, expect, it } from "vitest";
import * as S from "../../src/index.ts";

const linear = (): S.Linear => {
  const model = new S.Linear(3, 2, { rng: new S.Rng(0) });
  model.weight.assign([1, -2, 3, -4, 5, -6]);
  model.bias!.assign([0, 0]);
  return model;
};
const net = (): S.ResNet => S.cifarResNet(8, { width: 4, rng: new S.Rng(1) });
const images = S.randn([3, 3, 8, 8], new S.Rng(2));

describe("saliency", () => {
  it("by hand: |w| of the class, which is the answer unless another is asked for", () => {
    const x = S.tensor([
      [1, 0, 1],
      [-1, 1, 0],
    ]);
    expect(S.saliency(linear(), x).toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(S.saliency(linear(), x, 1).toArray()).toEqual([
      [4, 5, 6],
      [4, 5, 6],
    ]);
    expect(S.saliency(linear(), x, [1, 0]).toArray()).toEqual([
      [4, 5, 6],
      [1, 2, 3],
    ]);
  });

  it("a change of a pixel changes the score by it", () => {
    const model = net().eval();
    const score = (x: S.Tensor): number => model.forward(x).toArray()[1][4];
    const map = S.saliency(model, images, 4);
    const largest = Array.from(map.data.slice(192, 384)).reduce((best, v, i, all) => (v > all[best] ? i : best), 0);
    const moved = (by: number): number => {
      const x = S.tensor(images.toArray());
      x.data[192 + largest] += by;
      return score(x);
    };
    const slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
    expect(Math.abs(slope)).toBeCloseTo(map.data[192 + largest], 2);
  });

  it("a batch is its images one by one", () => {
    const model = net();
    const alone = [0, 1, 2].map((i) => S.saliency(model, S.slice(images, [[i, i + 1]])).data);
    const map = S.saliency(model, images);
    alone.forEach((one, i) => {
      const part = Array.from(map.data.slice(i * 192, (i + 1) * 192));
      expect(part).toEqual(Array.from(one, (v) => expect.closeTo(v, 5)));
    });
  });

  it("leaves the model as it was: mode, statistics, weights, what is frozen, the input, the outputs", () => {
    const model = net();
    S.freeze(model.conv1);
    const state = S.fingerprint(model);
    const frozen = model.parameters().map((t) => t.requiresGrad);
    S.saliency(model, images);
    expect([model.training, S.fingerprint(model), images.requiresGrad]).toEqual([true, state, false]);
    expect(model.parameters().map((t) => t.requiresGrad)).toEqual(frozen);
  });

  it("works on a fused model", () => {
    const model = net();
    model.forward(images);
    const before = S.saliency(model, images, 1);
    S.fuse(model);
    expect(Array.from(S.saliency(model, images, 1).data)).toEqual(Array.from(before.data, (v) => expect.closeTo(v, 4)));
  });

  it("says what is wrong", () => {
    expect(() => S.saliency(net(), images, 10)).toThrow("saliency: a class must be");
    expect(() => S.saliency(net(), images, [1, 2])).toThrow("saliency: 2 classes for 3 images");
    const maps = new S.Conv2d(3, 4, 3, { rng: new S.Rng(0) });
    expect(() => S.saliency(maps, images)).toThrow("saliency: needs a model with scores [N, classes], got [3,4,6,6]");
  });
});
