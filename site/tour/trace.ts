/**
 * Where a number came from, and where its gradient goes: read off the graph that the library records.
 *
 * An operation's rule gives vᵀJ for any v. With v = 1 at output i and 0 elsewhere that is row i of the Jacobian: every ∂yᵢ/∂xⱼ,
 * of any operation. Inputs with a derivative are the ones the number came from. For an operation that is linear in each input
 * (a sum, a mean, a convolution, a ReLU between its kinks) yᵢ = Σⱼ (∂yᵢ/∂xⱼ)·xⱼ, so the same factors are the weights of the
 * forward sum and those of the gradient on its way back. Two operations multiply two of their inputs; for them the pairs are
 * listed from the recorded geometry, so that a factor also has a place. A test holds the lists against the rules.
 */
import { backward, type ConvGeometry, type Node, nodesBefore, type Tensor, tensor } from "skipstone";

/** Element `index` of a tensor. */
export interface Place {
  readonly tensor: Tensor;
  readonly index: number;
}

/** One summand value·factor of an output element; for an operation that is no sum, an input and its derivative. */
export interface Term {
  /** Where the value stands; null for the padding around an image. */
  readonly from: Place | null;
  readonly value: number;
  /** ∂yᵢ/∂(value). */
  readonly factor: number;
  /** Where the factor stands, if it is itself an element of an input. */
  readonly by: Place | null;
}

/** One use of an element: output `to` has it as a summand, so that ∂L/∂to·factor arrives there. */
export interface Use {
  readonly node: Node;
  readonly to: Place;
  readonly factor: number;
  /** Where the factor stands, if it is an element of an input. */
  readonly by: Place | null;
}

/** Row `i` of the Jacobian of a node, ∂yᵢ/∂xⱼ by the operation's own rule, for each input that has derivatives. */
export function jacobianRow(node: Node, i: number): ReadonlyMap<Tensor, Tensor> {
  const row = tensor(
    Array.from({ length: node.output.size }, (_, k) => (k === i ? 1 : 0)),
    node.output.shape,
  );
  const inputs = [...new Set(node.inputs)];
  const interior = inputs.filter((t) => t.node !== null);
  const grads = backward(node.output, { gradient: row, stopAt: interior, keep: interior });
  return new Map(inputs.filter((t) => grads.has(t)).map((t) => [t, grads.get(t)]));
}

/** What output element `i` of a node was computed from. */
export function termsOf(node: Node, i: number): Term[] {
  if (node.op === "conv2d") return convTerms(node, i);
  if (node.op === "linear") return linearTerms(node, i);
  return [...jacobianRow(node, i)].flatMap(([t, row]) => {
    const alike = t.size === node.output.size; // A closed ReLU has no derivative, and came from its input all the same.
    return Array.from(
      t.data,
      (value, index): Term => ({ from: { tensor: t, index }, value, factor: row.data[index], by: null }),
    ).filter(({ factor }, index) => factor !== 0 || (alike && index === i));
  });
}

/** y[n,o,p,q] = b[o] + Σ over c, k, l of x[n, c, p·s + k·d − pad, q·s + l·d − pad]·w[o,c,k,l]. */
function convTerms(node: Node, i: number): Term[] {
  const g = node.attributes as ConvGeometry;
  const [x, w, b] = node.inputs;
  const q = i % g.Wo;
  const p = Math.floor(i / g.Wo) % g.Ho;
  const o = Math.floor(i / g.L) % g.O;
  const n = Math.floor(i / (g.L * g.O));
  const first = Math.floor(o / g.Og) * g.Cg;
  const terms: Term[] = [];
  for (let k = 0; k < g.K; k++) {
    const tap = k % (g.kh * g.kw);
    const c = first + Math.floor(k / (g.kh * g.kw));
    const h = p * g.sh + Math.floor(tap / g.kw) * g.dh - g.ph;
    const l = q * g.sw + (tap % g.kw) * g.dw - g.pw;
    const by = { tensor: w, index: o * g.K + k };
    const factor = w.data[by.index];
    if (h < 0 || h >= g.H || l < 0 || l >= g.W) terms.push({ from: null, value: 0, factor, by });
    else {
      const index = ((n * g.C + c) * g.H + h) * g.W + l;
      terms.push({ from: { tensor: x, index }, value: x.data[index], factor, by });
    }
  }
  return b ? [...terms, { from: { tensor: b, index: o }, value: b.data[o], factor: 1, by: null }] : terms;
}

/** y[n,o] = b[o] + Σ over k of x[n,k]·w[o,k]. */
function linearTerms(node: Node, i: number): Term[] {
  const [x, w, b] = node.inputs;
  const [O, K] = w.shape;
  const [n, o] = [Math.floor(i / O), i % O];
  const terms = Array.from({ length: K }, (_, k): Term => {
    const by = { tensor: w, index: o * K + k };
    const from = { tensor: x, index: n * K + k };
    return { from, value: x.data[from.index], factor: w.data[by.index], by };
  });
  return b ? [...terms, { from: { tensor: b, index: o }, value: b.data[o], factor: 1, by: null }] : terms;
}

/** Whether the terms add up to the output: for sums they do, for a softmax or a logarithm they do not. */
export function addsUp(node: Node, i: number, terms: readonly Term[]): boolean {
  const sum = terms.reduce((total, { value, factor }) => total + value * factor, 0);
  const largest = terms.reduce((most, { value, factor }) => Math.max(most, Math.abs(value * factor)), 0);
  return Math.abs(sum - node.output.data[i]) <= 1e-5 * largest;
}

/** The uses of every element, over all nodes that the roots were computed from. Look one up with `usesOf`. */
export type Uses = ReadonlyMap<Tensor, readonly (readonly Use[])[]>;

/** Every use of every element: the terms, read from the other end. */
export function allUses(...roots: Tensor[]): Uses {
  const uses = new Map<Tensor, Use[][]>();
  const note = (at: Place, use: Use): void => {
    if (!uses.has(at.tensor))
      uses.set(
        at.tensor,
        Array.from({ length: at.tensor.size }, () => []),
      );
    uses.get(at.tensor)![at.index].push(use);
  };
  for (const node of new Set(roots.flatMap((root) => nodesBefore(root)))) {
    for (let i = 0; i < node.output.size; i++) {
      const to = { tensor: node.output, index: i };
      for (const { from, value, factor, by } of termsOf(node, i)) {
        if (from) note(from, { node, to, factor, by });
        if (by) note(by, { node, to, factor: value, by: from });
      }
    }
  }
  return uses;
}

/** The uses of one element. */
export function usesOf(uses: Uses, { tensor, index }: Place): readonly Use[] {
  return uses.get(tensor)?.[index] ?? [];
}
