/**
 * Folding batch norms into the convolutions before them, for inference.
 *
 * In evaluation a batch norm is scale·y + shift for each channel, scale = γ/√(σ² + ε), shift = β − μ·scale. After a
 * convolution y = w ⋆ x + b that is a convolution again, and a pass over the images less:
 *
 *   scale·(w ⋆ x + b) + shift = w′ ⋆ x + b′,   w′ = scale·w,   b′ = scale·b + shift
 */
import { noGrad } from "../autograd/graph.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { declareConstant } from "../tensor/memory.ts";
import { owned, peek, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { Identity } from "./container.ts";
import { Conv2d } from "./conv.ts";
import { Module, parameter } from "./module.ts";
import { BatchNorm2d } from "./norm.ts";

/**
 * Folds every batch norm that follows a convolution into it, in place, and returns how many there were.
 *
 * Afterwards the model is in evaluation mode and stays there: `train()` throws. Its outputs are the same within rounding.
 * Each folded norm leaves an `Identity` in its place; its convolution has new weights and a bias. The model's parameters
 * are taken as constants from then on, and what fast kernels make of them is kept: change one with `assign`, or call its
 * `changed()` after writing to its `data`.
 *
 * "Follows" means: is the next part of the same module, in the order in which the parts are declared. That is the order in
 * which they are applied in `Sequential` and in every network of this library. For a module of your own give an example
 * `x`: the outputs before and after are then compared.
 *
 * Not folded: norms after anything else, norms without running statistics, and convolutions used in several places.
 *
 * @example
 * const model = new Sequential(new Conv2d(3, 8, 3, { rng: new Rng(0) }), new BatchNorm2d(8), new ReLU());
 * fuse(model); // 1
 *
 * @throws ValueError if the outputs for `x` differ; the model is as it was then.
 */
export function fuse(model: Module, x?: Tensor): number {
  const wasTraining = model.namedModules().map(([, module]) => [module, module.training] as const);
  model.eval();
  const before = x && noGrad(() => model.forward(x));
  const undo = foldable(model).map(fold);
  if (x && before) {
    const after = noGrad(() => model.forward(x));
    if (!agree(before, after)) {
      for (const putBack of undo.reverse()) putBack();
      for (const [module, training] of wasTraining) module.training = training;
      throw new ValueError(
        `fuse: ${model.constructor.name} computes something else with its batch norms folded: a part of it is not applied in the order in which it is declared`,
      );
    }
  }
  if (undo.length > 0) {
    for (const [, module] of model.namedModules()) lockEvaluation(module);
    for (const [, parameter] of model.namedParameters()) declareConstant(valuesOf(parameter));
  }
  return undo.length;
}

/** A batch norm that follows a convolution, and where it is held. */
interface Pair {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

function foldable(model: Module): Pair[] {
  const pairs: Pair[] = [];
  const uses = new Map<unknown, number>();
  for (const module of new Set(model.namedModules().map(([, module]) => module))) {
    // The parts as properties, and the parts of each list: the norm of a pair is in the same one as its convolution.
    const holders = [module, ...Object.values(module).filter(Array.isArray)] as unknown as Record<string, unknown>[];
    for (const holder of holders) {
      const parts = Object.entries(holder).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
      parts.forEach(([key, norm], i) => {
        uses.set(norm, (uses.get(norm) ?? 0) + 1);
        const conv = parts[i - 1]?.[1];
        if (conv instanceof Conv2d && norm instanceof BatchNorm2d) pairs.push({ conv, norm, holder, key });
      });
    }
  }
  return pairs.filter(
    ({ conv, norm }) => uses.get(conv) === 1 && norm.affineInEvaluation()?.scale.length === conv.weight.shape[0],
  );
}

/** Folds; the function returned takes it back. */
function fold({ conv, norm, holder, key }: Pair): () => void {
  const { scale, shift } = norm.affineInEvaluation()!;
  const layer = conv as { weight: Tensor; bias: Tensor | null };
  const { weight, bias } = layer;
  const perFilter = weight.size / scale.length;
  const before = bias && peek(bias);
  const w = peek(weight).map((v, i) => scale[Math.floor(i / perFilter)] * v);
  const b = Float32Array.from(scale, (factor, o) => (before ? factor * before[o] : 0) + shift[o]);
  layer.weight = owned(w, weight.shape, weight.requiresGrad);
  layer.bias = parameter(owned(b, [scale.length]));
  const identity = new Identity();
  identity.training = false;
  holder[key] = identity;
  return () => {
    layer.weight = weight;
    layer.bias = bias;
    holder[key] = norm;
  };
}

/** Within what a deep network makes of float32 rounding, relative to the largest output. */
function agree(first: Tensor, second: Tensor): boolean {
  const [before, after] = [peek(first), peek(second)];
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < before.length; i++) {
    if (Object.is(before[i], after[i])) continue;
    largest = Math.max(largest, Math.abs(before[i]));
    difference = Math.max(difference, Math.abs(before[i] - after[i]));
  }
  return difference <= 1e-3 * largest;
}

/** From now on `module.training = true`, which is what `train()` of any module around it does, throws. */
function lockEvaluation(module: Module): void {
  Object.defineProperty(module, "training", {
    configurable: true,
    enumerable: true,
    get: () => false,
    set: (training: boolean) => {
      if (!training) return;
      throw new UsageError(
        `train: this ${module.constructor.name} belongs to a model whose batch norms were folded into its convolutions (fuse), which is for evaluation only: train a model that was not fused`,
      );
    },
  });
}
