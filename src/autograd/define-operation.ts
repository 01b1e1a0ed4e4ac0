/**
 * `defineOperation`: an operation of one's own, from two functions of tensors, as PyTorch's `autograd.Function`.
 *
 * Both run unrecorded. The tensors that `backward` sees or computes belong to it: after it they cannot be read, because
 * the upstream gradient's memory becomes the next gradient (docs/decisions/0017-operations-of-ones-own.md).
 */
import { checkFunction, checkList, checkObject, checkText } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { isForeign } from "../tensor/copies.ts";
import { ShapeError, UsageError, ValueError } from "../tensor/errors.ts";
import { inOwnStep, isPooled, lastingCopy, toValues, type Values } from "../tensor/memory.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { callNow, checkFinished, checkNow } from "../tensor/sync.ts";
import { freshValuesOf, isTensor, lent, type Tensor, valuesOf, viewOf } from "../tensor/tensor.ts";
import type { OwnOperation } from "./attributes.ts";
import { record, unrecorded, withoutRecording } from "./graph.ts";

/** A call of an operation of one's own, for its `backward`. */
export interface OperationCall<Args extends readonly unknown[]> {
  /** The arguments of the call, tensors and others. */
  readonly inputs: Args;
  readonly output: Tensor;
  /** For each argument, whether its gradient is used. */
  readonly needed: readonly boolean[];
}

/** An operation of one's own. */
export interface OperationDefinition<Args extends readonly unknown[]> {
  /** Its name in the graph, with a dot, such as "mine.swish": names without one are the library's. */
  readonly name: string;
  /** The output, computed by operations or from numbers (`data`). Tensors in lists or objects count as constants. */
  forward(...args: Args): Tensor;
  /** From gy = ∂L/∂y, ∂L/∂x for each argument: null for what is no tensor, or where it is not needed. */
  backward(gy: Tensor, call: OperationCall<Args>): readonly (Tensor | null)[];
}

const NAMES: OptionNames<OperationDefinition<never>> = { name: true, forward: true, backward: true };

/**
 * A function of tensors with a derivative of its own: for what the operations there are do not compute, or not well
 * enough, and for gradients that are no derivative. `gradcheck` says whether `backward` is right.
 *
 * @example
 * const swish = defineOperation({
 *   name: "mine.swish",
 *   forward: (x: Tensor, beta: number) => mul(x, sigmoid(mul(x, beta))),
 *   backward(gy, { inputs: [x, beta], output }) {
 *     const s = sigmoid(mul(x, beta)); // y′ = s + βy(1 − s)
 *     return [mul(gy, add(s, mul(mul(output, beta), sub(1, s)))), null];
 *   },
 * });
 * const x = tensor([1, -2, 3], { requiresGrad: true });
 * gradcheck((x) => swish(x, 1.5), [x]) < 1e-6; // true
 *
 * @returns the operation. It throws ShapeError if `backward` returns a gradient of another shape than its input's, and
 * UsageError for anything but a tensor or null, or another number of them than there are arguments.
 */
export function defineOperation<Args extends readonly unknown[]>(
  definition: OperationDefinition<Args>,
): (...args: Args) => Tensor {
  checkDefinition(definition);
  const { name } = definition;
  return (...args) => {
    for (const [i, arg] of args.entries()) if (isForeign(arg)) checkTensor(name, `argument ${i}`, arg);
    if (!args.some(isTensor)) {
      throw new UsageError(`${name}: an argument must be a tensor, got ${args.map(describe).join(", ") || "none"}`);
    }
    const computed = unrecorded(name, () => callNow(name, "forward", () => definition.forward(...args)));
    checkTensor(name, "what forward returns", computed);
    // A tensor of its own: `forward` may return an input, or the same one each time.
    const output = viewOf(computed, computed.shape);
    const places = [...args.keys()].filter((i) => isTensor(args[i]));
    const operation: OwnOperation = [name as OwnOperation[0], args.filter((arg) => !isTensor(arg))];
    return record(
      operation,
      output,
      places.map((i) => args[i] as Tensor),
      (gy, wanted) =>
        ownedValues(() => {
          const needed = args.map((_, i) => places.includes(i) && wanted[places.indexOf(i)]);
          const upstream = lent(gy, output.shape);
          const sent = definition.backward(upstream, { inputs: args, output, needed });
          checkFinished(name, "backward", sent);
          checkGradients(name, sent, args);
          return places.map((i) => {
            const gradient = needed[i] ? sent[i] : null;
            return gradient && (valuesOf(gradient) === gy ? gy : freshValuesOf(gradient));
          });
        }),
    );
  };
}

function checkDefinition(definition: OperationDefinition<never>): void {
  checkObject("defineOperation", "the definition", definition);
  checkOptions("defineOperation", definition, NAMES);
  const { name, forward, backward } = definition;
  checkText("defineOperation", "name", name);
  if (!/^[\w-]+(\.[\w-]+)+$/.test(name)) {
    throw new ValueError(
      `defineOperation: name must be words with a dot between, such as "mine.swish" (names without one are the library's), got ${describe(name)}`,
    );
  }
  checkFunction("defineOperation", "forward", forward);
  checkNow("defineOperation", "forward", forward);
  checkFunction("defineOperation", "backward", backward);
  checkNow("defineOperation", "backward", backward);
}

function checkGradients(name: string, sent: readonly (Tensor | null)[], args: readonly unknown[]): void {
  checkList(name, "what backward returns", sent);
  if (sent.length !== args.length) {
    throw new UsageError(
      `${name}: backward must return a gradient or null for each of the ${args.length} arguments, got ${sent.length}`,
    );
  }
  sent.forEach((gradient, i) => {
    if (gradient === null) return;
    checkTensor(name, `gradient ${i} of backward`, gradient);
    const input = args[i];
    if (!isTensor(input)) {
      throw new UsageError(`${name}: gradient ${i} of backward must be null, because argument ${i} is no tensor`);
    }
    if (sameShape(gradient.shape, input.shape)) return;
    throw new ShapeError(
      `${name}: gradient ${i} of backward must be ${formatShape(input.shape)}, as its input, got ${formatShape(gradient.shape)}`,
    );
  });
}

/** Arrays that `fn` computed, of which the step's memory keeps none unless a step is around. */
function ownedValues(fn: () => (Values | null)[]): readonly (Values | null)[] {
  return withoutRecording(() =>
    inOwnStep(fn, (arrays) => {
      for (const [i, array] of arrays.entries()) {
        if (array && isPooled(array)) arrays[i] = toValues(lastingCopy(array));
      }
    }),
  );
}
