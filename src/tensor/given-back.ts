/**
 * Values that are given back before their step ends, so that their memory is the next tensor's.
 *
 * While a graph is recorded nobody can tell whether a program still holds a tensor: JavaScript does not count. So values
 * that no derivative will read, or that are computed again in one pass, are given back, and whoever reads them nevertheless
 * has them computed again, by the same kernel from the same inputs, and so to the same bits. Each storage does that once:
 * what was read again is kept. (What a backward pass has used is given back for good: autograd/spend.ts.)
 */
import { UsageError } from "./errors.ts";
import { currentStep, release, type Values } from "./memory.ts";
import { formatShape, type Shape } from "./shape.ts";
import type { Repeating, Storage } from "./storage.ts";
import { computed, storageBehind, type Tensor } from "./tensor.ts";

/** The tensor of shape `shape` that `compute` computes from `inputs` alone, now, and again if it has to. */
export function repeatable(op: string, inputs: readonly Tensor[], shape: Shape, compute: () => Values): Tensor {
  const y = computed(compute(), shape);
  if (currentStep() === undefined) return y;
  const versions = inputs.map((t) => t.version);
  const again = (): Values => {
    if (inputs.some((t, i) => t.version !== versions[i])) throw changed(op, y);
    return compute();
  };
  storageBehind(y).again = { compute: again, quick: false };
  return y;
}

/** Notes what computes once more what was just computed for t. */
export function repeatableBy(t: Tensor, again: Repeating): void {
  storageBehind(t).again = again;
}

/** Whether the values of t are there, or were. */
export function isComputed(t: Tensor): boolean {
  return storageBehind(t).deferred === null;
}

/** Notes that a derivative will read t. */
export function noteReader(t: Tensor): void {
  storageBehind(t).needed = true;
}

/** For a t that an operation has used and whose derivative does not read it: gives the values back if no other does. */
export function giveBackUnread(t: Tensor): void {
  const storage = storageBehind(t);
  if (storage.again && !storage.needed) giveBack(storage);
}

/** For a t that only y was computed from: gives the values back, unless a derivative or y itself has still to read them. */
export function giveBackUsed(t: Tensor, y: Tensor): void {
  if (t !== y && isComputed(y)) giveBackUnread(t);
}

/** For a t that an operation has used which takes far longer than one pass: gives the values back if these are quick. */
export function giveBackQuick(t: Tensor): void {
  const storage = storageBehind(t);
  if (storage.again?.quick) giveBack(storage);
}

function giveBack(storage: Storage): void {
  if (!storage.values || !isOfStep(storage)) return;
  release(storage.values);
  storage.values = null;
  storage.deferred = storage.again;
  storage.again = null;
}

/** Whether `values` are those of t, which somebody else has now, too: they are not given back then. */
export function keepIfIn(t: Tensor, values: Values): boolean {
  const storage = storageBehind(t);
  if (storage.values !== values) return false;
  storage.again = null;
  return true;
}

/** Gives the values back for good: reading them from now on is an error. */
export function spend(storage: Storage): void {
  if (!isOfStep(storage)) return;
  if (storage.values) release(storage.values);
  storage.values = null;
  storage.deferred = null;
  storage.again = null;
}

function changed(op: string, { shape }: Tensor): UsageError {
  return new UsageError(
    `${op}: an input was changed in place before the output ${formatShape(shape)} was read, whose memory had been given back: read or clone() the output before the change`,
  );
}

/** Whether the current step computed the values, and they are nobody else's: a person may have read them. */
export function isOfStep({ step, seen, lent }: Storage): boolean {
  return step !== undefined && step === currentStep() && !seen && !lent;
}
