/**
 * From W to a verdict: the form of the map's rows, confirmed by sending vectors back through the operations' rules.
 * certificate.ts explains the verdicts.
 */
import type { Floats } from "../tensor/memory.ts";
import type { Counterexample, Passage, ShortcutVerdict } from "./certificate.ts";
import { type LinearMap, rowsOf, transposed } from "./linear-map.ts";
import { norm } from "./measure.ts";
import { gradientAlong, type PathStep, worstEffect } from "./path.ts";
import { countOf, rounded } from "./probe.ts";
import type { Segment } from "./segment.ts";
import { type Structure, structure, weightlessProduct } from "./weightless.ts";

/** The effect of W by its structure, once the rules have confirmed it; or why it is undecided. */
export function passageOf(
  segment: Segment,
  path: readonly PathStep[] | null,
  g: Float64Array,
): { passage: Passage; counterexample: Counterexample; why: string | null } {
  const found = structure(segment);
  const { map, ways, onThisInput } = found;
  const sent = segment.y.size;
  const step = path ? harmfulStep(path) : null;
  const pathGain = path ? gainOf(gradientAlong(path, g), g) : 0;
  const product = ways > 0 ? weightlessProduct(segment, g) : new Float64Array(segment.x.size);
  const nothing = { verdict: "undecided", factor: null, arriving: null, open: null } as const;
  const unknown: Passage = { ...nothing, onThisInput, ways: countOf(ways), sent, gain: gainOf(product, g), pathGain };
  const lost = { entry: 0, arrives: [], step };
  if (map.kind === "unknown") return { passage: unknown, counterexample: lost, why: map.why };
  if (ways > 0 && !isConfirmed(segment, map, g, product)) {
    const why = "the graph and the operations' derivatives do not show the same";
    return { passage: unknown, counterexample: lost, why };
  }
  const shape = shapeOf(map, sent, segment.x.size);
  const counterexample = { ...shape.odd, step };
  const verdict = verdictFor(segment, found, shape, path);
  if (verdict === "undecided") return { passage: unknown, counterexample, why: "rounding decides it" };
  const { arriving } = shape;
  const factor = factorOf(shape, ways, path);
  return { passage: { ...unknown, verdict, factor, arriving, open: arriving / sent }, counterexample, why: null };
}

/** If a mask lets nothing through, the factor that the only way would have. */
function factorOf({ factor, arriving }: Shape, ways: number, path: readonly PathStep[] | null): number | null {
  if (arriving > 0 || ways !== 1 || !path) return factor;
  const product = path.reduce<number | null>(
    (p, step) => (p === null || step.factor === null ? null : p * step.factor),
    1,
  );
  return product === null ? null : rounded(product, 10);
}

export function undecided(passage: Passage): Passage {
  return { ...passage, verdict: "undecided", factor: null, arriving: null, open: null };
}

/** The form of a map's rows. */
interface Shape {
  readonly isIdentity: boolean;
  /** Each row has at most one entry, and none is in two rows. */
  readonly single: boolean;
  /** Whether all factors are exactly 1. */
  readonly ones: boolean;
  readonly factor: number | null;
  readonly arriving: number;
  /** Whether rounding may have decided any of it. */
  readonly doubtful: boolean;
  /** The first row that is not an identity's or a selection's. */
  readonly odd: Omit<Counterexample, "step">;
}

/** Factors closer than this to 1, or to one another, may differ only by rounding. */
const ROUNDING = 1e-9;

function shapeOf(map: Exclude<LinearMap, { kind: "unknown" }>, rows: number, columns: number): Shape {
  if (map.kind === "multiple") {
    const { factor, exact } = map;
    const isOne = exact && factor === 1;
    return {
      isIdentity: isOne,
      single: true,
      ones: isOne,
      factor: exact ? factor : rounded(factor, 10),
      arriving: rows,
      doubtful: !Number.isFinite(factor) || (!exact && Math.abs(factor - 1) < ROUNDING),
      odd: { entry: 0, arrives: [{ entry: 0, factor: rounded(factor, 10) }] },
    };
  }
  const { starts, columns: entries, factors, exact } = rowsOf(map, rows);
  const taken = new Uint8Array(columns);
  let single = true;
  let isIdentity = rows === columns;
  let arriving = 0;
  let odd = -1;
  for (let row = 0; row < rows; row++) {
    const [start, end] = [starts[row], starts[row + 1]];
    if (end > start) arriving++;
    const isOne = end === start + 1 && factors[start] === 1;
    if (!isOne || entries[start] !== row) isIdentity = false;
    if (end > start + 1) single = false;
    let again = false;
    for (let k = start; k < end; k++) {
      if (taken[entries[k]] === 1) again = true;
      taken[entries[k]] = 1;
    }
    if (again) single = false;
    if (odd < 0 && (!isOne || again)) odd = row;
  }
  const one = factors.length > 0 ? factors[0] : null;
  const uniform = one !== null && factors.every((f) => f === one);
  const nearlyUniform = one !== null && factors.every((f) => Math.abs(f - one) <= ROUNDING * Math.abs(one));
  const entry = Math.max(0, odd);
  const arrives = Array.from({ length: starts[entry + 1] - starts[entry] }, (_, k) => ({
    entry: entries[starts[entry] + k],
    factor: rounded(factors[starts[entry] + k], 10),
  }))
    .sort((a, b) => a.entry - b.entry)
    .slice(0, 4);
  return {
    isIdentity,
    single,
    ones: factors.every((f) => f === 1),
    factor: uniform ? (exact ? one : rounded(one, 10)) : null,
    arriving,
    doubtful:
      !factors.every(Number.isFinite) ||
      (!exact &&
        (arriving === 0 ||
          nearlyUniform !== uniform ||
          factors.some((f) => Math.abs(f - 1) < ROUNDING) ||
          !isSettled(factors))),
    odd: { entry, arrives },
  };
}

/** Whether no factor is so small that it may be left over from a cancellation. */
function isSettled(factors: Float64Array): boolean {
  const largest = factors.reduce((most, f) => Math.max(most, Math.abs(f)), 0);
  return factors.every((f) => Math.abs(f) > ROUNDING * largest);
}

function verdictFor(
  segment: Segment,
  { map, ways, onThisInput, drawn }: Structure,
  shape: Shape,
  path: readonly PathStep[] | null,
): ShortcutVerdict {
  if (ways === 0) {
    if (!path) return "none";
    const worst = worstEffect(path);
    return worst === "gate" ? "gate" : "transform";
  }
  if (shape.doubtful) return "undecided";
  if (shape.arriving === 0) return "zero";
  if (shape.isIdentity) return "identity";
  if (!shape.single) return "mixed";
  if (shape.ones) return onThisInput ? "mask" : "selection";
  return drawn && isDrawn(map, structure(segment, { undrawn: true }).map) ? "mask" : "scale";
}

/**
 * Whether the map's entries other than 1 are dropout's 1/(1 − p) and nothing else: `undrawn` has 1 in the same places.
 */
function isDrawn(map: LinearMap, undrawn: LinearMap): boolean {
  if (map.kind !== "rows" || undrawn.kind !== "rows") return false;
  for (let row = 0; row + 1 < map.starts.length; row++) {
    const [at, end] = [map.starts[row], map.starts[row + 1]];
    if (at === end) continue;
    const same = undrawn.starts[row];
    const isSingle = undrawn.starts[row + 1] === same + 1;
    if (!isSingle || undrawn.columns[same] !== map.columns[at] || undrawn.factors[same] !== 1) return false;
  }
  return true;
}

/** Whether the rules send random and basis vectors where the map says. `product` is their result for g. */
function isConfirmed(
  segment: Segment,
  map: Exclude<LinearMap, { kind: "unknown" }>,
  g: Float64Array,
  product: Floats,
): boolean {
  const [rows, columns] = [segment.y.size, segment.x.size];
  const agree = (sent: Float64Array, arrived: Floats): boolean => {
    const expected = transposed(map, sent, columns);
    // Moved entries are equal to the bit. Products and sums of many terms are rounded in another order.
    const most = map.kind === "zero" || ("exact" in map && map.exact) ? 0 : 1e-9;
    const size = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    return expected.every((v, i) => v === arrived[i] || Math.abs(v - arrived[i]) <= Math.max(most, 1e-13) * size);
  };
  if (!agree(g, product)) return false;
  const unit = (row: number): Float64Array => {
    const vector = new Float64Array(rows);
    vector[row] = 1;
    return vector;
  };
  return [0, rows >> 1, rows - 1].every((row) => agree(unit(row), weightlessProduct(segment, unit(row))));
}

function gainOf(arrived: Floats, sent: Floats): number {
  const before = norm(sent);
  return before === 0 ? 0 : rounded(norm(arrived) / before, 6);
}

/** The first step that does the most harm, if any does harm. */
function harmfulStep(path: readonly PathStep[]): number | null {
  const worst = worstEffect(path);
  return worst === "identity" || worst === "selection" ? null : path.findIndex(({ effect }) => effect === worst);
}
