/** What a tensor remembers of the operation that computed it (autograd/graph.ts writes it down). */
import type { Values } from "./memory.ts";

/**
 * The derivative of one recorded operation. From the upstream gradient gy = ∂L/∂y it returns ∂L/∂x for each input x, or
 * null where `needed` says that nobody asks. It never changes gy and does not keep it: its memory is used again. Returning
 * gy itself is allowed (that is how a gradient passes an addition untouched), because `backward` copies before it
 * accumulates into what somebody else holds; otherwise the arrays are the rule's own, made for this call.
 */
export type Rule = (gy: Values, needed: readonly boolean[]) => readonly (Values | null)[];

/** A recorded operation on tensors `T`. */
export interface Recorded<T> {
  /** Name of the operation: the name of the function that recorded it. */
  readonly op: string;
  readonly inputs: readonly T[];
  readonly output: T;
  /** What it was asked besides (stride, axes, eps …); undefined where there is nothing to ask. */
  readonly attributes: unknown;
  readonly rule: Rule;
  /** Position in the order of recording. */
  readonly order: number;
  /** `version` of each input and of the output when the operation ran. */
  readonly versions: readonly number[];
}
