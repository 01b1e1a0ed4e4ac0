/**
 * Which pixels decide: Simonyan, Vedaldi & Zisserman 2013, "Deep Inside Convolutional Networks: Visualising Image
 * Classification Models and Saliency Maps" (arXiv:1312.6034), §3.
 */
import { backward } from "../autograd/backward.ts";
import { argmax, sum } from "../autograd/reduce.ts";
import { gather } from "../autograd/shape.ts";
import { inEvaluation } from "../nn/evaluation.ts";
import { checkModule, type Module } from "../nn/module.ts";
import { checkList, checkWhole } from "../tensor/arguments.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import { callNow } from "../tensor/sync.ts";
import { owned, peek, type Tensor } from "../tensor/tensor.ts";
import { checkOutput } from "./arguments.ts";
import { watchingDraws } from "./draws.ts";
import { leafOf } from "./leaf.ts";
import { differentiatingOnly, preservingBuffers } from "./preserve.ts";

/**
 * |∂S_c/∂x|: how much a small change of each number of the input would change the score S_c of class c, before the softmax.
 * It is computed in evaluation mode, where images do not affect each other, so a batch costs one pass. The model, its mode
 * and its generators stay as they were. For images of several colours the paper takes the largest of each pixel.
 *
 * @param x images `[N, C, H, W]`, or whatever the model takes and answers with scores `[N, classes]`.
 * @param classes one class for all images, or one for each. Default: the answer, which is the class of the largest score.
 * @returns a tensor of the shape of x.
 *
 * @example
 * const model = cifarResNet(8, { width: 4, rng: new Rng(0) });
 * const map = saliency(model, randn([1, 3, 8, 8], new Rng(1)));
 * map.shape; // [1, 3, 8, 8]
 *
 * @throws ShapeError unless the output is `[N, classes]`, and for another number of classes than images; ValueError for a
 * class that does not exist.
 */
export function saliency(model: Module, x: Tensor, classes?: number | readonly number[]): Tensor {
  checkModule("saliency", model);
  checkTensor("saliency", "x", x);
  const leaf = leafOf(x);
  const run = (): Tensor =>
    checkOutput(
      "saliency",
      callNow("saliency", "forward", () => model.forward(leaf)),
    );
  const scores = inEvaluation(model, () => watchingDraws(() => preservingBuffers(model, run)).value);
  if (scores.rank !== 2) {
    throw new ShapeError(`saliency: needs a model with scores [N, classes], got ${formatShape(scores.shape)}`);
  }
  const [count, known] = scores.shape;
  const chosen = chosenClasses(scores, classes);
  if (chosen.length !== count) throw new ShapeError(`saliency: ${chosen.length} classes for ${count} images`);
  for (const c of chosen) checkWhole("saliency", "a class", c, 0, known - 1);
  const score = sum(gather(scores, 1, { data: chosen, shape: [count, 1] }));
  const gradient = differentiatingOnly(score, [leaf], () => peek(backward(score).get(leaf)));
  return owned(gradient.map(Math.abs), x.shape);
}

function chosenClasses(scores: Tensor, classes?: number | readonly number[]): readonly number[] {
  if (classes === undefined) return Array.from(argmax(scores, 1).data);
  if (typeof classes === "number") return new Array(scores.shape[0]).fill(classes);
  checkList("saliency", "classes", classes);
  return classes;
}
