/** Observes a network's residual blocks during one forward pass. */
import { needsGrad, nodesBefore } from "../autograd/graph.ts";
import type { AnyModule, Module } from "../nn/module.ts";
import { type Forward, observe, replaceForward } from "../nn/observe.ts";
import { tensorsIn } from "../nn/tensors-in.ts";
import { isResidualBlock, type ResidualBlock } from "../resnet/index.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { leafOf } from "./leaf.ts";
import { type PathStep, pathBetween, shortcutPath } from "./path.ts";

/** One call of a block: its input and its output. */
export interface BlockCall {
  readonly block: string;
  readonly module: ResidualBlock;
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Runs `fn`. Returns its result and every call of a residual block, in order. */
export function observeBlocks<T>(model: Module, fn: () => T): { value: T; calls: BlockCall[] } {
  const calls: BlockCall[] = [];
  const value = observe(
    model,
    (path, module, x, y) => {
      if (isResidualBlock(module)) calls.push({ block: path || module.constructor.name, module, x, y });
    },
    fn,
  );
  return { value, calls };
}

/**
 * The block's shortcut, from y to x. If a block did not use its branch this time (it is collapsed, or stochastic depth
 * skipped it), the whole block is its shortcut. Null if it has none.
 */
export function blockPath({ module, x, y }: Pick<Call, "module" | "x" | "y">): PathStep[] | null {
  return shortcutPath(y, x) ?? (module.shortcut === "none" ? null : pathBetween(y, x));
}

/** A block's call, as one of several. */
export interface Call extends Omit<BlockCall, "module"> {
  /** The block; of one that was found in the graph (found-blocks.ts), that it adds something. */
  readonly module: ResidualBlock | { readonly shortcut: "found" };
  /** 1 for the block's first call, 2 for the second, … */
  readonly call: number;
}

export interface Entered {
  /** In the order in which the calls end. */
  readonly calls: readonly (Call & BlockCall)[];
  /** The input of the block that began first. */
  readonly first: Tensor | null;
  /** The leaves that replaced block inputs without gradient. */
  readonly entrances: ReadonlySet<Tensor>;
  /** The tensors in the result of `fn`. */
  readonly outputs: readonly Tensor[];
}

/**
 * Runs `fn` and returns its result with every call of a residual block. A block whose input requires no gradient (images,
 * anything after a `detach`) would not be recorded: it gets a leaf that does.
 */
export function enteringBlocks<T>(model: Module, fn: () => T): Entered & { readonly value: T } {
  const calls: (Call & BlockCall)[] = [];
  const leaves = new Map<Tensor, Tensor>();
  let first: Tensor | null = null;
  const times = new Map<string, number>();
  const replacements = new Map<AnyModule, Forward>();
  for (const [path, module] of model.namedModules()) {
    if (!isResidualBlock(module) || replacements.has(module)) continue;
    const block = path || module.constructor.name;
    const forward = module.forward as (...args: unknown[]) => unknown;
    replacements.set(module, (given: unknown, ...more: unknown[]) => {
      let x = given;
      if (isTensor(given) && !needsGrad(given)) {
        const leaf = leaves.get(given) ?? leafOf(given);
        leaves.set(given, leaf);
        x = leaf;
      }
      if (!first && isTensor(x)) first = x;
      const y = forward.call(module, x, ...more);
      if (isTensor(x) && isTensor(y)) {
        const call = (times.get(block) ?? 0) + 1;
        times.set(block, call);
        calls.push({ block, call, module, x, y });
      }
      return y;
    });
  }
  const putBack = replaceForward(replacements);
  try {
    const value = fn();
    return { value, calls, first, entrances: new Set(leaves.values()), outputs: tensorsIn(value) };
  } finally {
    putBack();
  }
}

/**
 * The whole ways through these blocks: from each block that no other one leads to, to each that leads to no other one.
 * In most networks there is one: from the first block's input to the last one's output. A block whose output does not
 * depend on any block's input is a way of its own.
 */
export function waysThrough(calls: readonly Call[]): { readonly from: Call; readonly to: Call }[] {
  const passed = new Set<Tensor>();
  const ways: { from: Call; to: Call }[] = [];
  for (const to of [...calls].reverse()) {
    if (passed.has(to.y)) continue;
    const nodes = nodesBefore(to.y).reverse();
    for (const t of [to.y, ...nodes.flatMap(({ inputs, output }) => [output, ...inputs])]) passed.add(t);
    const starts = entrancesOf(to.y, nodes, calls);
    for (const from of starts.length > 0 ? starts : [to]) ways.push({ from, to });
  }
  return ways.reverse();
}

/**
 * The block at which the graph is cut by a `detach`, a computation under `noGrad` or a constant before or after it. A
 * whole way may start at the block that began first, and wherever the model's input leads. It ends at blocks that lead
 * to the model's outputs, unless none does. Null if there is no cut.
 */
export function cutOf(
  {
    calls,
    first,
    outputs,
    input,
  }: Omit<Entered, "calls"> & { readonly calls: readonly Call[]; readonly input: Tensor },
  ways: ReturnType<typeof waysThrough>,
): Call | null {
  // The usual way, from the first block to the last.
  if (ways.length === 0 || (ways.length === 1 && ways[0].from.x === first)) return null;
  const isBefore = (x: Tensor, y: Tensor): boolean =>
    x === y || nodesBefore(y).some(({ inputs }) => inputs.includes(x));
  const anew = ways.find(({ from }) => from.x !== first && !isBefore(input, from.x));
  if (anew) return anew.from;
  const leadsOut = (y: Tensor): boolean => outputs.some((output) => isBefore(y, output));
  if (!leadsOut(calls[calls.length - 1].y)) return null;
  return ways.find(({ to }) => !leadsOut(to.y))?.to ?? null;
}

/** The blocks on the way to y whose input no other block leads to. `nodes` are oldest first. */
function entrancesOf(y: Tensor, nodes: ReturnType<typeof nodesBefore>, calls: readonly Call[]): Call[] {
  const byInput = new Map<Tensor, Call>();
  // If one tensor enters several blocks, the first.
  for (const call of [...calls].reverse()) byInput.set(call.x, call);
  const behind = new Set<Tensor>();
  const entrances = new Set<Call>();
  const look = (t: Tensor): void => {
    const call = byInput.get(t);
    if (call && !behind.has(t)) {
      entrances.add(call);
      behind.add(t);
    }
  };
  for (const { inputs, output } of nodes) {
    inputs.forEach(look);
    if (inputs.some((t) => behind.has(t))) behind.add(output);
  }
  look(y);
  return [...entrances];
}
