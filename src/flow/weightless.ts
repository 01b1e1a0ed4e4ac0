/**
 * W, the weightless part of a Jacobian J = W + R: the sum over all paths of the graph from x to y that consist only of
 * weightless edges (segment.ts). R is the sum over all others.
 *
 * It is computed twice. `structure` follows the written-down maps from x forward. `weightlessProduct` sends a gradient
 * from y back by the operations' own rules, with nothing through edges that depend on a parameter. If one of the two
 * has a fault, they differ.
 */
import type { Node } from "../autograd/graph.ts";
import { allocateLasting, type Floats, numbersOf, toValues } from "../tensor/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { edgeMap } from "./edge-maps.ts";
import { compose, IDENTITY, type LinearMap, plus, withOnes, ZERO } from "./linear-map.ts";
import { dependsOnInput, type Segment } from "./segment.ts";

/** The graph's findings about W. */
export interface Structure {
  readonly map: LinearMap;
  /** How many weightless ways lead from x to y. */
  readonly ways: number;
  /** Whether the map of an edge on one of them changes with the input. */
  readonly onThisInput: boolean;
  /** Whether one of them has a mask drawn at random. */
  readonly drawn: boolean;
}

/**
 * Follows W from x to y.
 *
 * @param undrawn with 1 in place of dropout's factor 1/(1 − p): the map if dropout only kept and dropped.
 */
export function structure(segment: Segment, { undrawn = false }: { undrawn?: boolean } = {}): Structure {
  const { x, y, nodes, weightless } = segment;
  const useful = leadingTo(segment);
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
      if (!weightless.get(node)![i] || !before || !useful.has(node.output)) return;
      ways += before.ways;
      onThisInput ||= before.onThisInput || dependsOnInput(node, i, segment);
      drawn ||= before.drawn || node.op === "dropout";
      if (before.map.kind === "zero") return;
      const edge = edgeMap(node, i);
      map = plus(map, compose(undrawn && node.op === "dropout" ? withOnes(edge) : edge, before.map), node.output.size);
    });
    if (ways > 0) found.set(node.output, { map, ways, onThisInput, drawn });
    // The maps of a thousand layers would fill the memory.
    for (const t of node.inputs) if (t !== y && lastUse.get(t) === n) found.delete(t);
  });
  const none: Structure = { map: ZERO, ways: 0, onThisInput: false, drawn: false };
  return found.get(y) ?? none;
}

/** The tensors from which weightless ways lead to y: the others do not matter. */
function leadingTo({ y, nodes, weightless }: Segment): ReadonlySet<Tensor> {
  const useful = new Set([y]);
  for (const node of [...nodes].reverse()) {
    if (!useful.has(node.output)) continue;
    node.inputs.forEach((t, i) => {
      if (weightless.get(node)![i]) useful.add(t);
    });
  }
  return useful;
}

/** Wᵀg by the operations' rules. */
export function weightlessProduct({ x, y, nodes, weightless }: Segment, g: Floats): Floats {
  const pending = new Map<Tensor, Floats>([[y, g]]);
  for (const node of [...nodes].reverse()) {
    const gy = taken(pending, node.output);
    if (gy) send(pending, node, gy, weightless.get(node)!);
  }
  return pending.get(x) ?? allocateLasting(x.size, toValues(g));
}

/** Jᵀg in two parts by the operations' rules: Wᵀg, and Rᵀg, which passed an edge that depends on a parameter. */
export function bothProducts({ x, y, nodes, weightless, reached }: Segment, g: Floats): { w: Floats; r: Floats } {
  const w = new Map<Tensor, Floats>([[y, g]]);
  const r = new Map<Tensor, Floats>();
  for (const node of [...nodes].reverse()) {
    const all = node.inputs.map((t) => reached.has(t));
    const free = weightless.get(node)!;
    const [gw, gr] = [taken(w, node.output), taken(r, node.output)];
    if (gw) {
      send(w, node, gw, free);
      send(
        r,
        node,
        gw,
        all.map((is, i) => is && !free[i]),
      );
    }
    if (gr) send(r, node, gr, all);
  }
  const nothing = (): Floats => allocateLasting(x.size, toValues(g));
  return { w: w.get(x) ?? nothing(), r: r.get(x) ?? nothing() };
}

/** Removes and returns the gradient that has arrived at t. */
function taken(pending: Map<Tensor, Floats>, t: Tensor): Floats | undefined {
  const arrived = pending.get(t);
  pending.delete(t);
  return arrived;
}

/** Sends the gradient gy at a node's output on to its wanted inputs. */
function send(pending: Map<Tensor, Floats>, { inputs, rule }: Node, gy: Floats, wanted: readonly boolean[]): void {
  if (!wanted.includes(true)) return;
  const sent = rule(toValues(gy), wanted);
  inputs.forEach((t, i) => {
    const values = sent[i];
    if (!wanted[i] || !values) return;
    const arrived = pending.get(t);
    const more = numbersOf(values);
    pending.set(t, arrived ? arrived.map((v, k) => v + more[k]) : more);
  });
}
