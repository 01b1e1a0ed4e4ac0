/** The error of the ONNX exporter. */
import { SkipstoneError } from "../../tensor/errors.ts";

/**
 * A network that cannot be written as ONNX. The message names the operation, its module, and the reason.
 *
 * @example
 * class Own extends Module {
 *   forward(x: Tensor): Tensor {
 *     return defineOperation({ name: "mine.same", forward: (x: Tensor) => add(x, 0), backward: (gy) => [gy] })(x);
 *   }
 * }
 * exportOnnx(new Own(), { inputShape: [4] }); // throws OnnxExportError: exportOnnx: mine.same
 */
export class OnnxExportError extends SkipstoneError {
  override readonly name = "OnnxExportError";
  /** The operation in question, if there is one. */
  readonly op: string | undefined;
  /** Path of the module that runs it, `layer1.0.conv1`; "" is the network itself. */
  readonly module: string | undefined;

  constructor(reason: string, source?: { readonly op: string; readonly module: string }) {
    super(`exportOnnx: ${source ? `${source.op} in ${source.module || "the network itself"}: ` : ""}${reason}`);
    this.op = source?.op;
    this.module = source?.module;
  }
}

/** Where a part of the graph comes from. */
export interface Source {
  readonly op: string;
  readonly module: string;
}
