/**
 * Every operation of src/autograd in ONNX: an exporter for each, or the reason why there is none.
 *
 * An exporter gets a node of the network's graph and writes ONNX nodes that compute the same. The operators are those
 * of opset 17, or of a later opset where it writes them differently. Next: elementwise.ts.
 */
import type { Exporter } from "../writer.ts";
import { comparisons } from "./compare.ts";
import { elementwise } from "./elementwise.ts";
import { layers } from "./layers.ts";
import { pooling } from "./pool.ts";
import { reductions } from "./reduce.ts";
import { resizing } from "./resize.ts";
import { shaping } from "./shape.ts";

/** Exporters by the name of the operation. */
export const exporters: Readonly<Record<string, Exporter<never>>> = /* @__PURE__ */ Object.assign(
  {},
  comparisons,
  elementwise,
  layers,
  pooling,
  reductions,
  resizing,
  shaping,
);

const LOSS = "losses belong to training: export the network without its loss";

/** Operations that are not exported, and why. */
export const notExported: Readonly<Record<string, string>> = {
  dropout:
    "it drops at random even in evaluation, and a file has no random generator: call dropout with the module's `training`",
  crossEntropy: LOSS,
  nllLoss: LOSS,
  mseLoss: LOSS,
  l1Loss: LOSS,
  huberLoss: LOSS,
  smoothL1Loss: LOSS,
  klDivLoss: LOSS,
  bceWithLogits: LOSS,
};
