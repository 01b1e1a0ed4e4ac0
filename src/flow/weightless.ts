/**
 * W, the weightless part of a Jacobian J = W + R: the sum over all paths of the graph from x to y that consist of weightless
 * edges only (edges.ts). R is the sum over all others.
 *
 * It is computed twice. `structure` follows the maps that are written down, from x forward; `weightlessProduct` sends a
 * gradient from y back by the operations' own rules, with nothing through edges that depend on a parameter. Where one of the
 * two has a fault, they differ.
 */
import { allocateLasting, type Floats, numbersOf, toValues, type Values } from "../tensor/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { dependsOnInput, edgeMap, isWeightless, type Segment } from "./edges.ts";
import { compose, IDENTITY, type LinearMap, plus, ZERO } from "./linear-map.ts";

/** A segment, and for each node and input whether the edge is weightless; false where x does not lead to the input. */
export interface Split extends Segment {
  readonly weightless: readonly (readonly boolean[])[];
}

export function splitEdges(segment: Segment): Split {
  const { nodes, reached } = segment;
  const weightless = nodes.map((node) => node.inputs.map((t, i) => reached.has(t) && isWeightless(node, i, segment)));
  return { ...segment, weightless };
}

/** What the graph says of W. */
export interface Structure {
  readonly map: LinearMap;
  /** How many weightless ways lead from x to y. */
  readonly ways: number;
  /** Whether an edge on one of them has another map at other inputs. */
  readonly onThisInput: boolean;
  /** Whether a mask that was drawn at random is on one of them. */
  readonly drawn: boolean;
}

/** Follows W from x to y. */
export function structure(split: Split): Structure {
  const { x, y, nodes, weightless } = split;
  const useful = leadingTo(split);
  const found = new Map<Tensor, Structure>([[x, { map: IDENTITY, ways: 1, onThisInput: false, drawn: false }]]);
  const lastUse = new Map<Tensor, number>();
  nodes.forEach(({ inputs }, n) => {
    for (const t of inputs) lastUse.set(t, n);
  });
  nodes.forEach((node, n) => {
    let map = ZERO;
    let ways = 0;
    let onThisInput = false;
    let drawn = false;
    node.inputs.forEach((t, i) => {
      const before = found.get(t);
      if (!weightless[n][i] || !before || before.ways === 0 || !useful.has(node.output)) return;
      ways += before.ways;
      onThisInput ||= before.onThisInput || dependsOnInput(node, i, split);
      drawn ||= before.drawn || node.op === "dropout";
      if (before.map.kind !== "zero") map = plus(map, compose(edgeMap(node, i), before.map), node.output.size);
    });
    if (ways > 0) found.set(node.output, { map, ways, onThisInput, drawn });
    // The maps of a thousand layers would fill the memory.
    for (const t of node.inputs) if (t !== y && lastUse.get(t) === n) found.delete(t);
  });
  const none: Structure = { map: ZERO, ways: 0, onThisInput: false, drawn: false };
  return found.get(y) ?? none;
}

/** The tensors from which weightless ways lead to y: of the others nothing has to be known. */
function leadingTo({ y, nodes, weightless }: Split): ReadonlySet<Tensor> {
  const useful = new Set([y]);
  for (let n = nodes.length - 1; n >= 0; n--) {
    if (!useful.has(nodes[n].output)) continue;
    nodes[n].inputs.forEach((t, i) => {
      if (weightless[n][i]) useful.add(t);
    });
  }
  return useful;
}

/** Wᵀg by the operations' rules. */
export function weightlessProduct({ x, y, nodes, weightless }: Split, g: Floats): Floats {
  const pending = new Map<Tensor, Floats>([[y, g]]);
  for (let n = nodes.length - 1; n >= 0; n--) {
    const { output, inputs, rule } = nodes[n];
    const gy = pending.get(output);
    if (!gy || output === x) continue;
    pending.delete(output);
    if (weightless[n].includes(true)) send(pending, inputs, rule(toValues(gy), weightless[n]), weightless[n]);
  }
  return pending.get(x) ?? allocateLasting(x.size, toValues(g));
}

/** Jᵀg in two parts by the operations' rules: Wᵀg, and Rᵀg, which passed an edge that depends on a parameter. */
export function bothProducts({ x, y, nodes, weightless, reached }: Split, g: Floats): { w: Floats; r: Floats } {
  const w = new Map<Tensor, Floats>([[y, g]]);
  const r = new Map<Tensor, Floats>();
  for (let n = nodes.length - 1; n >= 0; n--) {
    const { output, inputs, rule } = nodes[n];
    if (output === x) continue;
    const all = inputs.map((t) => reached.has(t));
    const weighted = all.map((is, i) => is && !weightless[n][i]);
    const [gw, gr] = [w.get(output), r.get(output)];
    w.delete(output);
    r.delete(output);
    if (gw && weightless[n].includes(true)) send(w, inputs, rule(toValues(gw), weightless[n]), weightless[n]);
    if (gw && weighted.includes(true)) send(r, inputs, rule(toValues(gw), weighted), weighted);
    if (gr) send(r, inputs, rule(toValues(gr), all), all);
  }
  const nothing = (): Floats => allocateLasting(x.size, toValues(g));
  return { w: w.get(x) ?? nothing(), r: r.get(x) ?? nothing() };
}

function send(
  pending: Map<Tensor, Floats>,
  inputs: readonly Tensor[],
  sent: readonly (Values | null)[],
  wanted: readonly boolean[],
): void {
  inputs.forEach((t, i) => {
    const values = sent[i];
    if (!wanted[i] || !values) return;
    const arrived = pending.get(t);
    const more = numbersOf(values);
    pending.set(t, arrived ? arrived.map((v, k) => v + more[k]) : more);
  });
}
