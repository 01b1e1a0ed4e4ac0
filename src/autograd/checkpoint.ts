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

/** Whether a `valueAndGrad` runs its function, whose graph is walked once and by nobody else. */
let inPass = false;

/** Runs `fn`, in which `checkpoint` has an effect. */
export function asPass<T>(fn: () => T): T {
  const around = inPass;
  inPass = true;
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
  const run = (): Tensor => {
    const y = callNow("checkpoint", "fn", fn);
    checkTensor("checkpoint", "what fn returns", y);
    return y;
  };
  // Inside another checkpoint the outer one's second time is this one's first.
  if (!inPass || isCollecting()) return run();

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
  const again = (): Tensor => {
    const second = undoingChanges(() => repeatDraws(draws, run));
    if (!sameShape(second.shape, y.shape)) throw differs(formatShape(y.shape), formatShape(second.shape));
    return second;
  };
  return record("checkpoint", y, [...inputs], () => [], [...inputs], [], again);
}

/** Computes what is inside a checkpoint's node once more: its output, and its nodes, newest first. */
export function recomputed(node: Node): { y: Tensor; nodes: readonly Node[] } {
  const before = recordedSoFar();
  const y = asPass(node.again!);
  const nodes = nodesBefore(y, node.inputs);
  if (nodes.some(({ order }) => order < before)) throw differs("one from some tensors", "one from others");
  return { y, nodes };
}

function differs(first: string, second: string): AutogradError {
  return new AutogradError(`checkpoint: fn must compute the same each time, got ${first}, then ${second}`);
}
