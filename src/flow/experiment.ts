/**
 * Finds W by experiment: sends vectors back and looks at what arrives. It shares nothing with `certify`'s method
 * (segment.ts, edge-maps.ts, weightless.ts), not even the division of edges by whether they depend on a parameter.
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
  /^(add|sub|neg|reshape|flatten|squeeze|unsqueeze|tap|transpose|permute|slice|concat|stack|pad|indexSelect|gather|expand|sum|cumsum|mean|avgPool2d|adaptiveAvgPool2d|globalAvgPool2d|interpolate)$/;
const CHOICES =
  /^(relu|leakyRelu|clamp|abs|dropout|max|min|maxWithIndices|minWithIndices|topK|maximum|minimum|where|maxPool2d)$/;
const PRODUCT = /^(mul|div|matmul|linear|conv2d|conv1d|convTranspose2d)$/;

export function wayBetween(y: Tensor, x: Tensor, isParameter: (leaf: Tensor) => boolean): Way {
  const nodes = y === x ? [] : nodesBefore(y, [x]);
  // Asked from y: a tensor's inputs come after it, and so are answered from the end.
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

/** The parts that have arrived at tensors, one per way. */
type Arrived = Map<Tensor, Floats[]>;

/**
 * Wᵀg, in the type of g.
 *
 * @param undrawn with 1 in place of dropout's factor 1/(1 − p).
 */
export function sendBack(way: Way, g: Floats, { undrawn = false }: { undrawn?: boolean } = {}): Floats {
  const { x, y, nodes, carries } = way;
  const arrived: Arrived = new Map([[y, [g]]]);
  for (const node of nodes) {
    sendOn(node, arrived, arrived, (i) => carries(node, i), undrawn);
    if (node.output !== x) arrived.delete(node.output);
  }
  return total(arrived.get(x) ?? [allocateLasting(x.size, toValues(g))]);
}

/** Rᵀg: gradients that met an edge that depends on a parameter, and from there on took all ways. */
export function sendRest({ x, y, nodes, carries, leads }: Way, g: Floats): Floats {
  const free: Arrived = new Map([[y, [g]]]);
  const rest: Arrived = new Map();
  for (const node of nodes) {
    sendOn(node, free, rest, (i) => leads(node.inputs[i]) && !carries(node, i));
    sendOn(node, rest, rest, (i) => leads(node.inputs[i]));
    sendOn(node, free, free, (i) => carries(node, i));
    if (node.output === x) continue;
    free.delete(node.output);
    rest.delete(node.output);
  }
  return total(rest.get(x) ?? [allocateLasting(x.size, toValues(g))]);
}

/** Sends the gradient at a node's output on to its open inputs. */
function sendOn(node: Node, from: Arrived, to: Arrived, isOpen: (input: number) => boolean, undrawn = false): void {
  const parts = from.get(node.output);
  const open = node.inputs.map((_, i) => isOpen(i));
  if (!parts || !open.includes(true)) return;
  const gy = total(parts);
  node.rule(toValues(gy), open).forEach((values, i) => {
    if (!open[i] || !values) return;
    const sent = numbersOf(values).slice();
    const part = undrawn && node.op === "dropout" ? sent.map((v, k) => (v === 0 ? 0 : gy[k])) : sent;
    const before = to.get(node.inputs[i]);
    if (before) before.push(part);
    else to.set(node.inputs[i], [part]);
  });
}

/**
 * The sum of the parts from several ways. In float32 it adds as `backward` does, one after the other, so that bits can
 * be compared; in float64 as Neumaier does, so that parts which cancel leave the others intact.
 */
function total(parts: readonly Floats[]): Floats {
  const [first] = parts;
  if (parts.length < 3 || first instanceof Float32Array) {
    return parts.slice(1).reduce((sum, part) => sum.map((v, k) => v + part[k]), first);
  }
  return first.map((v, k) => {
    let sum = v;
    let lost = 0;
    for (let p = 1; p < parts.length; p++) {
      const more = parts[p][k];
      const next = sum + more;
      lost += Math.abs(sum) >= Math.abs(more) ? sum - next + more : more - next + sum;
      sum = next;
    }
    return sum + lost;
  });
}

/** The experiments' findings about W. */
export interface Found {
  readonly ways: number;
  readonly valueDependent: boolean;
  /** Whether the entries of W other than 1 are dropout's 1/(1 − p) and nothing else. */
  readonly drawn: boolean;
  /** For each entry of x, the entry of y that it comes from, or −1; null if some come from several. */
  readonly sources: Int32Array | null;
  readonly factors: Floats;
  readonly gain: number;
}

export function experiment(way: Way, g: Float64Array): Found {
  const { x, y } = way;
  const { ways, valueDependent, draws } = countWays(way);
  if (ways === 0) return { ways, valueDependent, drawn: false, sources: null, factors: new Float64Array(0), gain: 0 };
  const arrive = (v: Float64Array): Floats => sendBack(way, v);
  const [one, count] = [new Float64Array(y.size).fill(1), new Float64Array(y.size).map((_, i) => i + 1)];
  const [ones, counting] = [arrive(one), arrive(count)];
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
  const drawn = draws && single && isDrawn(way, one, count, sources);
  const before = norm(g);
  const gain = before === 0 ? 0 : norm(random) / before;
  return { ways, valueDependent, drawn, sources: single ? sources : null, factors: ones, gain };
}

/** Without dropout's factors, each entry that arrives equals the one that was sent. */
function isDrawn(way: Way, one: Float64Array, count: Float64Array, sources: Int32Array): boolean {
  const [ones, counting] = [one, count].map((v) => sendBack(way, v, { undrawn: true }));
  return sources.every((j, i) => j < 0 || (ones[i] === 1 && counting[i] === j + 1));
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}

/** From y back: how many weightless ways lead to x, and what is on them. */
function countWays({ x, y, nodes, carries, leads }: Way): Pick<Found, "ways" | "valueDependent"> & { draws: boolean } {
  if (y === x) return { ways: 1, valueDependent: false, draws: false };
  const toX = new Set([x]);
  for (const node of [...nodes].reverse()) {
    if (node.inputs.some((t, i) => carries(node, i) && toX.has(t))) toX.add(node.output);
  }
  const counts = new Map<Tensor, number>([[y, 1]]);
  let valueDependent = false;
  let draws = false;
  for (const node of nodes) {
    const here = counts.get(node.output);
    if (here === undefined) continue;
    node.inputs.forEach((t, i) => {
      if (!carries(node, i) || !toX.has(t)) return;
      counts.set(t, (counts.get(t) ?? 0) + here);
      if (node.op === "dropout") draws = true;
      const isProduct = PRODUCT.test(node.op) && (node.op !== "div" || i === 0);
      if (isProduct ? node.inputs.some((other, k) => k !== i && leads(other)) : !SUMS_AND_MOVES.test(node.op)) {
        valueDependent = true;
      }
    });
  }
  return { ways: counts.get(x) ?? 0, valueDependent, draws };
}

/** Where each entry j of y goes: to `entries` from starts[j] to starts[j + 1], times the `factors` there. */
export interface Rows {
  readonly starts: Int32Array;
  readonly entries: Int32Array;
  readonly factors: Float64Array;
}

/** The rows, if every entry of x comes from at most one entry of y. */
export function rowsFrom(sources: Int32Array, factors: Floats, size: number): Rows {
  const starts = new Int32Array(size + 1);
  for (const j of sources) if (j >= 0) starts[j + 1]++;
  for (let j = 0; j < size; j++) starts[j + 1] += starts[j];
  const rows = { starts, entries: new Int32Array(starts[size]), factors: new Float64Array(starts[size]) };
  const next = starts.slice();
  sources.forEach((j, i) => {
    if (j < 0) return;
    rows.entries[next[j]] = i;
    rows.factors[next[j]++] = factors[i];
  });
  return rows;
}

/** The largest output whose entries are sent one by one. */
const MOST_ROWS = 2048;

/** The rows, found by sending every entry of y separately; null if there are too many. */
export function denseRows(way: Way): Rows | null {
  const size = way.y.size;
  if (size > MOST_ROWS) return null;
  const starts = new Int32Array(size + 1);
  const entries: number[] = [];
  const factors: number[] = [];
  for (let j = 0; j < size; j++) {
    const unit = new Float64Array(size);
    unit[j] = 1;
    sendBack(way, unit).forEach((factor, entry) => {
      if (factor === 0) return;
      entries.push(entry);
      factors.push(factor);
    });
    starts[j + 1] = entries.length;
  }
  return { starts, entries: Int32Array.from(entries), factors: Float64Array.from(factors) };
}

/** Whether some factor is so small beside another that it may be the rounding error of a cancelled sum. */
export function isBlurred({ factors }: Rows): boolean {
  let largest = 0;
  for (const factor of factors) largest = Math.max(largest, Math.abs(factor));
  return factors.some((factor) => Math.abs(factor) < 1e-12 * largest);
}

/** The form of the rows. */
export interface Look {
  readonly arriving: number;
  /** Each row has at most one entry, and none is in two rows. */
  readonly single: boolean;
  /** The first row that is not an identity's or a selection's; 0 if there is none. */
  readonly first: number;
  readonly isIdentity: boolean;
}

export function lookAt({ starts, entries, factors }: Rows, columns: number): Look {
  const size = starts.length - 1;
  const taken = new Uint8Array(columns);
  let [arriving, first, single, isIdentity] = [0, -1, true, size === columns];
  for (let j = 0; j < size; j++) {
    const [start, end] = [starts[j], starts[j + 1]];
    let again = false;
    for (let k = start; k < end; k++) {
      again ||= taken[entries[k]] === 1;
      taken[entries[k]] = 1;
    }
    const isOne = end === start + 1 && factors[start] === 1;
    if (end > start) arriving++;
    if (again || end > start + 1) single = false;
    if (!isOne || entries[start] !== j) isIdentity = false;
    if (first < 0 && (!isOne || again)) first = j;
  }
  return { arriving, single, first: Math.max(0, first), isIdentity };
}
