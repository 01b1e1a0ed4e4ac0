/**
 * Folding batch norms into the convolutions before them, for inference.
 *
 * In evaluation a batch norm is scale·y + shift for each channel, scale = γ/√(σ² + ε), shift = β − μ·scale. After a
 * convolution y = w ⋆ x + b this is a convolution again, and saves a pass over the images:
 *
 *   scale·(w ⋆ x + b) + shift = w′ ⋆ x + b′,   w′ = scale·w,   b′ = scale·b + shift
 *
 * An addition or a ReLU that follows is then done in the convolution's own pass (../autograd/convolved.ts).
 */
import { letConvolutionsWait } from "../autograd/convolved.ts";
import { unrecorded } from "../autograd/graph.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { declareConstant } from "../tensor/memory.ts";
import { owned, peek, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { Identity } from "./container.ts";
import { Conv2d } from "./conv.ts";
import { switchMode } from "./evaluation.ts";
import { type AnyModule, checkModule, isModule, type Module, parameter } from "./module.ts";
import { BatchNorm2d } from "./norm.ts";
import { holdersOf } from "./parts.ts";
import { tensorsIn } from "./tensors-in.ts";

/**
 * Folds every batch norm that follows a convolution into it, in place, and returns their number.
 *
 * Afterwards the model stays in evaluation mode: `train()` throws. Its outputs are the same within rounding. Each
 * folded norm leaves an `Identity` in its place; its convolution has new weights and a bias. From then on the model's
 * parameters count as constants, and fast kernels keep what they derive from them: change a parameter with `assign`, or
 * call its `changed()` after writing to its `data`.
 *
 * "Follows" means: is the next part of the same module, in the order of declaration. `Sequential` and every network of
 * this library apply their parts in that order. For a module of your own, pass an example `x` (whatever the model
 * takes): the outputs before and after are then compared.
 *
 * Not folded: norms after anything else, norms without running statistics, convolutions used in several places, and
 * parts in a Set.
 *
 * @example
 * const model = new Sequential(new Conv2d(3, 8, 3, { rng: new Rng(0) }), new BatchNorm2d(8), new ReLU());
 * fuse(model); // 1
 *
 * @throws ValueError if the outputs for `x` differ; the model is then unchanged, as after any other error.
 */
export function fuse<X, Y>(model: Module<X, Y>, x?: X): number {
  checkModule("fuse", model);
  const putBack = switchMode(model, false);
  const undo: (() => void)[] = [];
  try {
    const output = (): unknown => (x === undefined ? null : unrecorded("fuse", () => model.forward(x)));
    const before = output();
    for (const pair of foldable(model)) undo.push(fold(pair));
    if (!agree(before, output())) {
      throw new ValueError(
        `fuse: ${model.constructor.name} gives other outputs with its batch norms folded: one of its parts is not applied in the order of declaration`,
      );
    }
  } catch (error) {
    for (const unfold of undo.reverse()) unfold();
    putBack();
    throw error;
  }
  if (undo.length > 0) {
    for (const [, module] of model.namedModules()) lockEvaluation(module);
    letConvolutionsWait();
    for (const [, parameter] of model.namedParameters()) declareConstant(valuesOf(parameter));
  }
  return undo.length;
}

/** A batch norm that follows a convolution, and the place that holds it. */
interface Pair {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;
  /** Puts another part in the norm's place. */
  readonly put: (part: AnyModule) => void;
}

function foldable(model: AnyModule): Pair[] {
  const pairs: Pair[] = [];
  const uses = new Map<unknown, number>();
  for (const module of new Set(model.namedModules().map(([, module]) => module))) {
    for (const [, part] of module.namedChildren()) uses.set(part, (uses.get(part) ?? 0) + 1);
    // The properties, and each list, Map and object in them: a pair's norm and convolution are in the same one.
    for (const { entries, put } of holdersOf(module)) {
      const parts = entries.filter(([, value]) => isModule(value));
      parts.forEach(([key, norm], i) => {
        const conv = parts[i - 1]?.[1];
        if (put && conv instanceof Conv2d && norm instanceof BatchNorm2d) {
          pairs.push({ conv, norm, put: (part) => put(key, part) });
        }
      });
    }
  }
  return pairs.filter(
    ({ conv, norm }) => uses.get(conv) === 1 && norm.affineInEvaluation()?.scale.length === conv.weight.shape[0],
  );
}

/** Folds a pair; the returned function undoes it. */
function fold({ conv, norm, put }: Pair): () => void {
  const { scale, shift } = norm.affineInEvaluation()!;
  const layer = conv as { weight: Tensor; bias: Tensor | null };
  const { weight, bias } = layer;
  const perFilter = weight.size / scale.length;
  const before = bias && peek(bias);
  const w = peek(weight).map((v, i) => scale[Math.floor(i / perFilter)] * v);
  const b = Float32Array.from(scale, (factor, o) => (before ? factor * before[o] : 0) + shift[o]);
  layer.weight = parameter(owned(w, weight.shape));
  layer.bias = parameter(owned(b, [scale.length]));
  // A frozen layer stays frozen.
  for (const t of [layer.weight, layer.bias]) t.requiresGrad = weight.requiresGrad;
  const identity = new Identity();
  identity.training = false;
  put(identity);
  return () => {
    layer.weight = weight;
    layer.bias = bias;
    put(norm);
  };
}

/**
 * Whether each tensor of the outputs agrees, relative to the largest output, within a deep network's float32 rounding.
 */
function agree(before: unknown, after: unknown): boolean {
  const others = tensorsIn(after);
  return tensorsIn(before).every((t, k) => {
    const [a, b] = [peek(t), peek(others[k])];
    let largest = 0;
    let difference = 0;
    for (let i = 0; i < a.length; i++) {
      if (Object.is(a[i], b[i])) continue;
      largest = Math.max(largest, Math.abs(a[i]));
      difference = Math.max(difference, Math.abs(a[i] - b[i]));
    }
    return difference <= 1e-3 * largest;
  });
}

/** From now on `module.training = true` throws; `train()` of any module around it sets just that. */
function lockEvaluation(module: AnyModule): void {
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
