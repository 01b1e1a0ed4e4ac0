/**
 * Where a NaN or an infinity came from: the first operation, forward or backward, that made one out of finite numbers,
 * and its layer. PyTorch calls this anomaly detection.
 */
import { type Node, nodesBefore } from "../autograd/graph.ts";
import type { Module } from "../nn/module.ts";
import { observe } from "../nn/observe.ts";
import { UsageError } from "../tensor/errors.ts";
import { type Floats, numbersOf, toValues } from "../tensor/memory.ts";
import { formatShape } from "../tensor/shape.ts";
import { callNow } from "../tensor/sync.ts";
import { peek, type Tensor } from "../tensor/tensor.ts";
import { checkLoss, checkRun } from "./arguments.ts";
import { measure } from "./measure.ts";
import { preservingBuffers, recordingFrozen } from "./preserve.ts";

/** The origin of the first non-finite number, as `findAnomaly` returns it. */
export interface Anomaly {
  /** `forward`: in a value. `backward`: in a gradient, while all values were finite. */
  readonly phase: "forward" | "backward";
  /**
   * The operation that made it, such as `conv2d`; "parameter" if a parameter already had it, "input" if another tensor
   * had it that no operation computed.
   */
  readonly op: string;
  /** Path of the innermost module around it (`layer1.0.conv1`), or the parameter's name; "" outside the model. */
  readonly layer: string;
  /** The first bad number. */
  readonly kind: "NaN" | "Infinity" | "-Infinity";
  /** How many of the tensor's numbers are not finite. */
  readonly count: number;
  readonly size: number;
  /** The whole finding in a sentence. */
  readonly message: string;
}

/**
 * Runs `loss` and its backward pass. Returns the first anomaly, or null if every value and every gradient is finite.
 *
 * Restores running statistics. Checks frozen parts like all others, but not gradients that training does not need.
 * Slower than a training step, since it checks every number: call it with the batch at which a training failed.
 *
 * @param loss runs the model and returns the scalar loss.
 *
 * @example
 * const anomaly = findAnomaly(model, () => crossEntropy(model.forward(images), labels));
 * if (anomaly) console.log(anomaly.message);
 *
 * @throws UsageError if `model` is not a model, `loss` is not a function that returns a tensor, or nothing is recorded.
 */
export function findAnomaly(model: Module, loss: () => Tensor): Anomaly | null {
  const who = "findAnomaly";
  checkRun(who, model, "loss", loss);
  const calls: Span[] = [];
  const root = preservingBuffers(model, () =>
    recordingFrozen(model, () =>
      observe(
        model,
        (layer, _, x, y) => calls.push({ layer, after: x?.node?.order ?? -1, until: y?.node?.order ?? -1 }),
        () => callNow(who, "loss", loss),
      ),
    ),
  );
  checkLoss(who, root);
  if (!root.node) {
    throw new UsageError(
      `${who}: the loss was not recorded: call it outside noGrad, with a loss that the model computes`,
    );
  }
  const names = new Map(model.namedParameters().map(([name, t]) => [t, name]));
  return forwardAnomaly(root, names, calls) ?? backwardAnomaly(root, calls);
}

/** One call of a module: the nodes it recorded have orders in (after, until]. */
interface Span {
  readonly layer: string;
  readonly after: number;
  readonly until: number;
}

function layerOf(order: number, calls: readonly Span[]): string {
  const around = calls.filter(({ after, until }) => after < order && order <= until);
  return (
    around.reduce<Span | undefined>(
      (best, call) => (!best || call.until - call.after < best.until - best.after ? call : best),
      undefined,
    )?.layer ?? ""
  );
}

function forwardAnomaly(root: Tensor, names: ReadonlyMap<Tensor, string>, calls: readonly Span[]): Anomaly | null {
  for (const { op, inputs, output, order } of nodesBefore(root).reverse()) {
    for (const t of inputs) {
      // An operation's bad number was found at that operation's turn.
      if (t.node) continue;
      const name = names.get(t);
      const found = anomalyIn(
        peek(t),
        "forward",
        name === undefined ? "input" : "parameter",
        name ?? layerOf(order, calls),
      );
      if (found) return { ...found, message: `${found.message} ${formatShape(t.shape)}, on its way into ${op}` };
    }
    const found = anomalyIn(peek(output), "forward", op, layerOf(order, calls));
    if (found) return { ...found, message: `${found.message}, output ${formatShape(output.shape)}, inputs finite` };
  }
  return null;
}

/** A separate backward pass, which checks the result of every rule. */
function backwardAnomaly(root: Tensor, calls: readonly Span[]): Anomaly | null {
  const arrived = new Map<Tensor, Floats>([[root, peek(root).map(() => 1)]]);
  const nodes = nodesBefore(root);
  const trained = trainedThrough(nodes);
  for (const { op, inputs, output, order, rule } of nodes) {
    const gy = arrived.get(output);
    if (!gy) continue;
    arrived.delete(output);
    const needed = inputs.map((t) => t.requiresGrad || trained.has(t));
    const sent = rule(toValues(gy), needed);
    for (const [i, t] of inputs.entries()) {
      const values = sent[i];
      if (!needed[i] || !values) continue;
      const gx = numbersOf(values);
      const before = arrived.get(t);
      const sum = before ? before.map((v, k) => v + gx[k]) : gx;
      const found = anomalyIn(sum, "backward", op, layerOf(order, calls));
      if (found)
        return { ...found, message: `${found.message}, for its input ${i} ${formatShape(t.shape)}, upstream finite` };
      arrived.set(t, sum);
    }
  }
  return null;
}

/** The tensors whose gradients training needs, because something trained leads to them. */
function trainedThrough(newestFirst: readonly Node[]): ReadonlySet<Tensor> {
  const trained = new Set<Tensor>();
  for (const { inputs, output } of [...newestFirst].reverse()) {
    if (inputs.some((t) => t.requiresGrad || trained.has(t))) trained.add(output);
  }
  return trained;
}

function anomalyIn(values: Floats, phase: Anomaly["phase"], op: string, layer: string): Anomaly | null {
  const first = values.findIndex((v) => !Number.isFinite(v));
  if (first < 0) return null;
  const kind = `${values[first]}` as Anomaly["kind"];
  const size = values.length;
  const count = measure(values).nonFinite;
  const where = layer ? ` in ${layer}` : "";
  const what = phase === "forward" ? "" : "gradient of ";
  return {
    phase,
    op,
    layer,
    kind,
    count,
    size,
    message: `${phase}: ${kind} (${count} of ${size} numbers) in ${what}${op}${where}`,
  };
}
