/**
 * Ways through a graph for the verifier: the least harmful one, searched from x, and the one named by a certificate.
 */
import type { Node } from "../autograd/graph.ts";
import { type Floats, numbersOf, toValues } from "../tensor/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CertifiedStep } from "./certificate.ts";
import type { Way } from "./experiment.ts";
import { COST, effectOf } from "./path.ts";
import { rounded } from "./probe.ts";

/** An edge of a way from y to x. */
export interface Crossing extends CertifiedStep {
  readonly node: Node;
}

/** The least harmful way, searched from x: over weightless edges, or else over all. */
export function leastHarm(way: Way, weightless: boolean): { harm: number; path: Crossing[] } | null {
  const best = new Map<Tensor, { harm: number; path: Crossing | null }>([[way.x, { harm: 0, path: null }]]);
  for (const node of [...way.nodes].reverse()) {
    node.inputs.forEach((t, input) => {
      const before = best.get(t);
      if (!before || !(weightless ? way.carries(node, input) : way.leads(t))) return;
      const { effect, factor } = effectOf(node, input);
      const harm = before.harm + COST[effect];
      const known = best.get(node.output);
      if (node.output === way.x || (known && known.harm <= harm)) return;
      best.set(node.output, { harm, path: { op: node.op, effect, factor, node, input } });
    });
  }
  const end = best.get(way.y);
  if (!end) return null;
  const path: Crossing[] = [];
  for (let at = end.path; at; at = best.get(at.node.inputs[at.input])!.path) path.push(at);
  return { harm: end.harm, path };
}

/** Whether some addition on the path joins it with a second way from x. */
export function joins(way: Way, path: readonly Crossing[]): boolean {
  return path.some(({ node, input }) => node.op === "add" && way.leads(node.inputs[1 - input]));
}

/** The certificate's steps as edges of the graph, if they are a way from y to x over allowed edges. */
export function follow(way: Way, steps: readonly CertifiedStep[], weightless: boolean): Crossing[] | null {
  const path: Crossing[] = [];
  let t = way.y;
  for (const step of steps) {
    const { node } = t;
    const next = node?.inputs[step?.input];
    if (!node || !next || !Number.isInteger(step.input) || t === way.x) return null;
    if (!(weightless ? way.carries(node, step.input) : way.leads(next))) return null;
    path.push({ op: node.op, ...effectOf(node, step.input), node, input: step.input });
    t = next;
  }
  return t === way.x ? path : null;
}

export function alongPath(path: readonly Crossing[], g: Floats): Floats {
  let at = g;
  for (const { node, input } of path) {
    const wanted = node.inputs.map((_, i) => i === input);
    at = numbersOf(node.rule(toValues(at), wanted)[input]!);
  }
  return at;
}

export function productOf(path: readonly Crossing[]): number | null {
  let product = 1;
  for (const { factor } of path) {
    if (factor === null) return null;
    product *= factor;
  }
  return rounded(product, 10);
}
