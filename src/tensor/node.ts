/** What a tensor remembers of the operation that computed it (recorded by autograd/graph.ts). */
import type { Values } from "./memory.ts";

/**
 * The derivative of one recorded operation. From the upstream gradient gy = ∂L/∂y it returns ∂L/∂x for each input x, or
 * null where `needed` is false. It never changes gy or keeps it: its memory is reused. It may return gy itself (an
 * addition passes its gradient on untouched), because `backward` copies an array that others hold before it adds to it.
 * All other arrays it returns are its own, made for this call.
 */
export type Rule = (gy: Values, needed: readonly boolean[]) => readonly (Values | null)[];

/** A recorded operation on tensors `T`. */
export interface Recorded<T> {
  /** Name of the operation: the name of the function that recorded it. */
  readonly op: string;
  readonly inputs: readonly T[];
  readonly output: T;
  /** Its other arguments (stride, axes, eps …); undefined where there are none. */
  readonly attributes: unknown;
  readonly rule: Rule;
  /** Position in the order of recording. */
  readonly order: number;
  /** `version` of each input and of the output when the operation ran. */
  readonly versions: readonly number[];
  /** The tensors among inputs and output whose values the rule reads. */
  readonly reads: readonly T[];
  /** Arrays that the rule has for itself: they are kept as long as the node is. */
  readonly saved: readonly Values[];
  /**
   * Of a checkpoint, else null: computes the output once more, this time recorded, and has `goOn` pass the gradient on through the
   * nodes, newest first; `done` is to be called after each. Arrays that are held outlive it.
   */
  readonly again:
    | ((
        goOn: (y: T, nodes: readonly Recorded<T>[], done: (node: Recorded<T>) => void) => void,
        isHeld: (array: Values) => boolean,
      ) => void)
    | null;
}
