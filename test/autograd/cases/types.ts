/** One way to call an operation, for the derivative tests that every operation must pass. */
import type { Shape } from "../../../src/tensor/shape.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";

export interface OpCase {
  /** Name of the exported function. */
  readonly op: string;
  /** The specification in words: shapes and options. */
  readonly name: string;
  /** Shapes of the differentiable inputs. */
  readonly inputs: readonly Shape[];
  /** Whether it is made of other operations, whose nodes it records. Default: it records one node under its own name. */
  readonly composed?: boolean;
  /** Calls the operation. */
  readonly call: (...inputs: Tensor[]) => Tensor;
  /** Positions of the inputs in which the operation is linear or affine: the adjoint test runs for each. */
  readonly linearIn?: readonly number[];
  /** Makes input values from standard normal numbers, to stay inside a domain or away from kinks. Default: as they are. */
  readonly prepare?: (value: number, input: number) => number;
}
