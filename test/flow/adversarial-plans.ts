/** Networks of adversaries (adversaries.ts): at random, from a seed; and smaller ones that still show a fault. */
import * as S from "../../src/index.ts";
import { Adversary, type Expression, PAIRS, type Trace, UNARY } from "./adversaries.ts";

type Tensor = S.Tensor;

export interface Plan {
  readonly shape: readonly number[];
  readonly seed: number;
  readonly blocks: readonly Expression[];
  /** Whether the first block stands at the end once more. */
  readonly again: boolean;
  readonly frozen: boolean;
}

class Network extends S.Sequential {
  readonly #trace: Trace;

  constructor(blocks: readonly Adversary[], trace: Trace) {
    super(...blocks);
    this.#trace = trace;
  }

  override forward(x: Tensor): Tensor {
    this.#trace.earlier = x;
    this.#trace.calls = [];
    return super.forward(x);
  }
}

export function buildPlan(plan: Plan): { model: S.Sequential; trace: Trace } {
  const trace: Trace = { earlier: null, calls: [], entrances: new Set() };
  const blocks = plan.blocks.map((e, i) => new Adversary(e, 1000 * plan.seed + 2 * i, plan.shape, trace));
  return { model: new Network(plan.again ? [...blocks, blocks[0]] : blocks, trace), trace };
}

const SHAPES = [
  [2, 4],
  [1, 4, 2, 2],
  [3, 4],
] as const;
const NAMES = Object.keys(UNARY);
const PAIR_NAMES = Object.keys(PAIRS);
/** Chosen more rarely: what no map is written down for, and what leaves nothing. */
const RARE: ReadonlySet<string> = new Set(["norm", "detach", "unrecorded", "square"]);

export function randomPlan(seed: number): Plan {
  const rng = new S.Rng(seed);
  const pick = <T>(list: readonly T[]): T => list[rng.integer(list.length)];
  const unary = (): string => {
    const name = pick(NAMES);
    return RARE.has(name) && rng.uniform() < 0.7 ? unary() : name;
  };
  const tree = (depth: number, inLet: boolean): Expression => {
    if (depth === 0 || rng.uniform() < 0.15) {
      if (inLet && rng.uniform() < 0.7) return "s";
      return pick<Expression>(["x", "x", "x", "x", "x", "x", "earlier", "constant"]);
    }
    const kind = rng.uniform();
    if (kind < 0.6) return [unary(), rng.integer(12), tree(depth - 1, inLet)];
    if (kind < 0.9) return [pick(PAIR_NAMES), tree(depth - 1, inLet), tree(depth - 1, inLet)];
    return ["let", tree(depth - 1, inLet), tree(depth - 1, true)];
  };
  const branch = (e: Expression): Expression => ["branch", rng.integer(12), e];
  const unaryOf = (e: Expression): Expression => [unary(), rng.integer(12), e];
  const block = (): Expression => {
    const skip = tree(rng.integer(3), false);
    return pick<() => Expression>([
      () => ["add", "x", branch("x")],
      () => ["add", skip, branch("x")],
      () => ["add", skip, branch(unaryOf("x"))],
      () => ["add", skip, ["sub", branch("x"), skip]],
      () => ["let", skip, ["add", "s", ["sub", branch("x"), "s"]]],
      () => ["add", ["sub", skip, ["scale", rng.integer(12), skip]], branch("x")],
      () => ["add", branch("x"), [pick(PAIR_NAMES), unaryOf("x"), unaryOf("x")]],
      () => ["let", ["add", "x", branch("x")], ["add", pick<Expression>(["x", "s"]), ["add", "s", branch("s")]]],
      () => unaryOf(["add", skip, branch("x")]),
      () => ["add", ["add", ["only", 0, "x"], ["only", 1, skip]], branch("x")],
      () => tree(4, false),
    ])();
  };
  return {
    seed,
    shape: pick(SHAPES),
    blocks: Array.from({ length: 1 + rng.integer(4) }, block),
    again: rng.uniform() < 0.1,
    frozen: rng.uniform() < 0.2,
  };
}

/** The smallest plan, found by leaving out, that `fails` as well. */
export function smallest(plan: Plan, fails: (plan: Plan) => boolean): Plan {
  for (const smaller of reductions(plan)) if (fails(smaller)) return smallest(smaller, fails);
  return plan;
}

function* reductions(plan: Plan): Generator<Plan> {
  if (plan.again) yield { ...plan, again: false };
  if (plan.frozen) yield { ...plan, frozen: false };
  for (let i = 0; i < plan.blocks.length; i++) {
    const without = plan.blocks.filter((_, k) => k !== i);
    if (without.length > 0) yield { ...plan, blocks: without };
    for (const e of simpler(plan.blocks[i])) yield { ...plan, blocks: plan.blocks.map((b, k) => (k === i ? e : b)) };
  }
}

function* simpler(e: Expression): Generator<Expression> {
  if (typeof e === "string") {
    if (e !== "x") yield "x";
    return;
  }
  if (typeof e[1] !== "number") yield e[1];
  yield e[2];
  if (typeof e[1] === "number") {
    for (const inner of simpler(e[2])) yield [e[0], e[1], inner];
    return;
  }
  for (const inner of simpler(e[1])) yield [e[0], inner, e[2]];
  for (const inner of simpler(e[2])) yield [e[0], e[1], inner];
}
