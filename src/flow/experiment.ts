/**
 * Finding W by experiment: what comes back when something is sent. Nothing of this is shared with how `certify` finds it
 * (segment.ts, edge-maps.ts, weightless.ts), the division of edges into those that depend on a parameter and those that do not included.
 */
import { type Node, nodesBefore } from "../autograd/graph.ts";
import { allocateLasting, type Floats, numbersOf, toValues } from "../tensor/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { norm } from "./measure.ts";

/** The nodes between x and y, newest first, and which edges carry W. */
export interface Way {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly nodes: readonly Node[];
  readonly carries: (node: Node, input: number) => boolean;
  readonly leads: (t: Tensor) => boolean;
}

const SUMS_AND_MOVES =
  /^(add|sub|neg|reshape|flatten|squeeze|unsqueeze|tap|transpose|permute|slice|concat|stack|pad|indexSelect|gather|expand|sum|mean|avgPool2d|adaptiveAvgPool2d|globalAvgPool2d)$/;
const CHOICES = /^(relu|leakyRelu|clamp|abs|dropout|max|maxWithIndices|maximum|minimum|maxPool2d)$/;
const PRODUCT = /^(mul|div|matmul|linear|conv2d)$/;

export function wayBetween(y: Tensor, x: Tensor, isParameter: (leaf: Tensor) => boolean): Way {
  const nodes = y === x ? [] : nodesBefore(y, [x]);
  // Asked from y, each tensor of its inputs: oldest last, so they are answered from the end.
  const bound = new Map<Tensor, boolean>([[x, false]]);
  const from = new Map<Tensor, boolean>([[x, true]]);
  const isBound = (t: Tensor): boolean => bound.get(t) ?? isParameter(t);
  const isFrom = (t: Tensor): boolean => from.get(t) === true;
  for (const { inputs, output } of [...nodes].reverse()) {
    bound.set(output, inputs.some(isBound));
    from.set(output, inputs.some(isFrom));
  }
  const carries = ({ op, inputs, attributes }: Node, input: number): boolean => {
    if (!isFrom(inputs[input])) return false;
    if (SUMS_AND_MOVES.test(op) || CHOICES.test(op)) return true;
    if (PRODUCT.test(op) && (op !== "div" || input === 0)) return inputs.every((t, i) => i === input || !isBound(t));
    if (op === "batchNorm" && (attributes as { training?: boolean } | undefined)?.training === false) return false;
    return !inputs.some(isBound);
  };
  const between = nodes.filter(({ inputs }) => inputs.some(isFrom));
  return { x, y, nodes: between, carries, leads: isFrom };
}

/** Wᵀg, in the type of g. */
export function sendBack({ x, y, nodes, carries }: Way, g: Floats): Floats {
  const arrived = new Map<Tensor, Floats>([[y, g]]);
  for (const node of nodes) {
    const gy = arrived.get(node.output);
    if (!gy) continue;
    const open = node.inputs.map((_, i) => carries(node, i));
    if (!open.includes(true)) continue;
    node.rule(toValues(gy), open).forEach((values, i) => {
      if (!open[i] || !values) return;
      const sum = numbersOf(values).slice();
      arrived.get(node.inputs[i])?.forEach((v, k) => {
        sum[k] += v;
      });
      arrived.set(node.inputs[i], sum);
    });
    if (node.output !== x) arrived.delete(node.output);
  }
  return arrived.get(x) ?? allocateLasting(x.size, toValues(g));
}

/** What the experiments say about W. */
export interface Found {
  readonly ways: number;
  readonly valueDependent: boolean;
  readonly drawn: boolean;
  /** For each entry of x, the entry of y that it comes from, or −1; null where some come from several. */
  readonly sources: Int32Array | null;
  readonly factors: Floats;
  readonly gain: number;
}

export function experiment(way: Way, g: Float64Array): Found {
  const { x, y } = way;
  const { ways, valueDependent, drawn } = countWays(way);
  const arrive = (v: Float64Array): Floats => sendBack(way, v);
  const ones = arrive(new Float64Array(y.size).fill(1));
  const counting = arrive(new Float64Array(y.size).map((_, i) => i + 1));
  const random = arrive(g);
  const shuffled = g.map((_, i) => g[(i + 1) % g.length] + ((i * 7919) % 1021));
  const again = arrive(shuffled);
  const sources = new Int32Array(x.size).fill(-1);
  let single = true;
  for (let i = 0; i < x.size && single; i++) {
    const f = ones[i];
    if (f === 0) {
      single = counting[i] === 0 && random[i] === 0 && again[i] === 0;
      continue;
    }
    const j = Math.round(counting[i] / f) - 1;
    single = near(counting[i], f * (j + 1)) && near(random[i], f * g[j]) && near(again[i], f * shuffled[j]);
    sources[i] = j;
  }
  const before = norm(g);
  const gain = before === 0 ? 0 : norm(random) / before;
  return { ways, valueDependent, drawn, sources: single ? sources : null, factors: ones, gain };
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}

/** From y back: how many weightless ways lead to x, and what is on them. */
function countWays({ x, y, nodes, carries, leads }: Way): Pick<Found, "ways" | "valueDependent" | "drawn"> {
  if (y === x) return { ways: 1, valueDependent: false, drawn: false };
  const toX = new Set([x]);
  for (const node of [...nodes].reverse()) {
    if (node.inputs.some((t, i) => carries(node, i) && toX.has(t))) toX.add(node.output);
  }
  const counts = new Map<Tensor, number>([[y, 1]]);
  let valueDependent = false;
  let drawn = false;
  for (const node of nodes) {
    const here = counts.get(node.output);
    if (here === undefined) continue;
    node.inputs.forEach((t, i) => {
      if (!carries(node, i) || !toX.has(t)) return;
      counts.set(t, (counts.get(t) ?? 0) + here);
      if (node.op === "dropout") drawn = true;
      const isProduct = PRODUCT.test(node.op) && (node.op !== "div" || i === 0);
      if (isProduct ? node.inputs.some((other, k) => k !== i && leads(other)) : !SUMS_AND_MOVES.test(node.op)) {
        valueDependent = true;
      }
    });
  }
  return { ways: counts.get(x) ?? 0, valueDependent, drawn };
}

/** Where one entry of y goes. */
export type Row = { readonly entry: number; readonly factor: number }[];

export function targets(sources: Int32Array, factors: Floats, size: number): Row[] {
  const rows: Row[] = Array.from({ length: size }, () => []);
  sources.forEach((j, i) => {
    if (j >= 0) rows[j].push({ entry: i, factor: factors[i] });
  });
  return rows;
}

/** Largest outputs whose entries are sent one by one. */
const MOST_ROWS = 2048;

export function denseRows(way: Way): Row[] | null {
  const size = way.y.size;
  if (size > MOST_ROWS) return null;
  return Array.from({ length: size }, (_, j) => {
    const unit = new Float64Array(size);
    unit[j] = 1;
    const row: Row = [];
    sendBack(way, unit).forEach((factor, entry) => {
      if (factor !== 0) row.push({ entry, factor });
    });
    return row;
  });
}
