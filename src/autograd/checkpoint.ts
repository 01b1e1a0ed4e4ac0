/**
 * `checkpoint`: a part of a computation that is computed twice instead of kept (Chen, Xu, Zhang & Guestrin 2016, "Training
 * Deep Nets with Sublinear Memory Cost").
 *
 *   forward     y = fn()      nothing inside is recorded, and its memory is given back
 *   backward    y = fn()      once more, recorded this time; then the gradients pass through, and its memory is given back
 *
 * The second time computes the same: generators of random numbers draw what they drew the first time, and what it changes in
 * place, as running statistics, is put back. `backward` goes through the part's nodes as if they had been in the graph all
 * along, so gradients add up in the same order, and to the same bits. Next: ../nn/checkpointed.ts, for networks.
 */
import { checkTensor } from "../tensor/check-tensor.ts";
import { currentStep, inScope, type Values } from "../tensor/memory.ts";
import { noteDraws, type Rng, type RngState, repeatDraws } from "../tensor/rng.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { callNow, checkNow } from "../tensor/sync.ts";
import { computed, storageBehind, type Tensor, undoingChanges, valuesOf } from "../tensor/tensor.ts";
import { copyOf } from "./arrays.ts";
import {
  AutogradError,
  collecting,
  isCollecting,
  type Node,
  needsGrad,
  nodesBefore,
  record,
  recordedSoFar,
} from "./graph.ts";
import { spendingAllBut } from "./spend.ts";

/** What checkpoints do while a `valueAndGrad` runs its function, whose graph is walked once and by nobody else. */
let inPass: ((fn: () => Tensor) => Tensor) | null = null;

/** Runs `fn`, in which `checkpoint` has an effect. (A program that calls this nowhere is smaller.) */
export function asPass<T>(fn: () => T): T {
  const around = inPass;
  inPass = computedTwice;
  try {
    return fn();
  } finally {
    inPass = around;
  }
}

/**
 * y = fn(). In a `valueAndGrad`, and so in `fit`, what `fn` computes inside is not kept for the backward pass but computed
 * again there: time for memory. The gradients, random parts and running statistics are the same, to the bit. Elsewhere this is
 * fn() and no more: instruments see the whole graph.
 *
 * @param fn computes one tensor, from any tensors and parameters, and the same when it is called again in the backward pass.
 * Tensors that it computes besides cannot be read after it.
 *
 * @example
 * const w = tensor([1, 2, 3], { requiresGrad: true });
 * const { grads } = valueAndGrad(() => sum(checkpoint(() => exp(mul(w, w)))));
 *
 * @throws UsageError for an async function, or for what is no tensor.
 */
export function checkpoint(fn: () => Tensor): Tensor {
  checkNow("checkpoint", "fn", fn);
  return checkpointed(() => callNow("checkpoint", "fn", fn));
}

/** `checkpoint` of a function that is the library's own. */
export function checkpointed(fn: () => Tensor): Tensor {
  const run = (): Tensor => {
    const y = fn();
    checkTensor("checkpoint", "what fn returns", y);
    return y;
  };
  return inPass ? inPass(run) : run();
}

function computedTwice(run: () => Tensor): Tensor {
  // Inside another checkpoint the outer one's second time is this one's first.
  if (isCollecting()) return run();
  const inputs = new Set<Tensor>();
  const draws = new Map<Rng, RngState>();
  let values: Values | undefined;
  let isNew = false;
  const first = inScope(
    () => {
      const y = noteDraws(draws, () => collecting(inputs, run));
      values = valuesOf(y);
      isNew = storageBehind(y).step === currentStep();
      return y;
    },
    (array) => array === values,
  );
  // A tensor from outside: nothing computed here has a node, or requires gradients.
  if (needsGrad(first)) return first;
  // Numbers from outside, in another shape, go on being somebody else's.
  const y = computed(isNew ? values! : copyOf(values!), first.shape);
  const compute = (): Tensor => {
    const second = undoingChanges(() => repeatDraws(draws, run));
    if (!sameShape(second.shape, y.shape)) throw differs(formatShape(y.shape), formatShape(second.shape));
    return second;
  };
  const again: Node["again"] = (goOn, isHeld) => {
    inScope(() => {
      const before = recordedSoFar();
      const y = asPass(compute);
      const nodes = nodesBefore(y, [...inputs]);
      if (nodes.some(({ order }) => order < before)) throw differs("one from some tensors", "one from others");
      goOn(y, nodes, spendingAllBut(null)!(nodes, isHeld));
    }, isHeld);
  };
  return record("checkpoint", y, [...inputs], () => [], [...inputs], [], again);
}

function differs(first: string, second: string): AutogradError {
  return new AutogradError(`checkpoint: fn must compute the same each time, got ${first}, then ${second}`);
}
