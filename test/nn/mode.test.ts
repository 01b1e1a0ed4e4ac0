/** Switching the mode of a model, part by part, and back. */
import { expect, it } from "vitest";
import { Dropout, fuse, Sequential } from "../../src/nn/index.ts";
import { inEvaluation, switchMode } from "../../src/nn/mode.ts";
import { Rng } from "../../src/tensor/rng.ts";

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
