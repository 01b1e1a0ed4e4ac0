/**
 * PyTorch's optimiser state, from a checkpoint into an optimiser of ours.
 *
 *     {"state": {0: {"momentum_buffer": tensor}, 1: …}, "param_groups": [{"lr": 0.1, …, "params": [0, 1, …]}, …]}
 *
 * Parameters have no names, only numbers: their places in the groups, one group after the other (torch/optim/optimizer.py,
 * `state_dict`). Next: optimizer-groups.ts.
 */
import type { Optimizer, OptimizerState } from "../../nn/optim/index.ts";
import { describe } from "../../tensor/check.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
import { formatShape, sameShape } from "../../tensor/shape.ts";
import { FormatError, quote } from "../errors.ts";
import type { FileInfo } from "../source.ts";
import { readWith, type WeightFile } from "../weight-file.ts";
import { type GroupOption, groupOptions, groupsOf, ownName, type TorchOptimizer } from "./optimizer-groups.ts";
import { checkPthOptions, type PthOptions } from "./options.ts";
import type { Pickled } from "./pickled.ts";
import { readPthContents } from "./read.ts";
import { dictUnder, type FoundState, listing } from "./state-dict.ts";
import { isTensor, type PickledTensor } from "./torch-objects.ts";

/** Options of `loadPthOptimizer`. */
export type PthOptimizerOptions = Pick<PthOptions, "name" | "key" | "unknownObjects">;

type Dict = ReadonlyMap<Pickled, Pickled>;

/** What a file says of a group. */
interface SavedGroup {
  readonly options: Readonly<Record<string, GroupOption>>;
  /** How many parameters it has. */
  readonly count: number;
}

/** The keys under which training programs keep it, in the order they are tried. Lightning has a list of states. */
const usualKeys: readonly string[] = [
  "optimizer",
  "optimizer_state_dict",
  "optim",
  "optimizer_state",
  "optimizer_states",
];

/**
 * Goes on with what PyTorch's optimiser had learnt: reads its state, saved by `torch.save(optimizer.state_dict(), path)` or in a
 * checkpoint beside the model's, into an optimiser of the same kind, with the same parameters in the same order and the same
 * options. The rate and the momentum are the file's; any other option that differs is an error, which says what to set.
 * What the file does not say cannot be checked: which of Adam and AdamW it is, and the order of parameters of equal shapes.
 *
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 * const saved = writePthCheckpoint(model.stateDict(), optimizer); // or torch.save({"model": …, "optimizer": …}, path)
 * model.loadStateDict(readPth(saved).stateDict());
 * loadPthOptimizer(optimizer, saved);
 *
 * @throws FormatError for a file without such a state; ValueError for the state of another optimiser, or of other parameters.
 * Nothing has been changed then.
 */
export function loadPthOptimizer(
  optimizer: TorchOptimizer,
  bytes: Uint8Array | ArrayBuffer,
  options: PthOptimizerOptions = {},
): void {
  const ours = groupsOf(checkTorchOptimizer("loadPthOptimizer", optimizer));
  checkPthOptions("loadPthOptimizer", options);
  let saved: readonly SavedGroup[] = [];
  const find = (root: Pickled, key: string | undefined, file: FileInfo): FoundState => {
    const found = findOptimizer(root, key, file);
    saved = found.groups;
    return found;
  };
  const given = { ...options, stripPrefix: false } as const;
  const file = readWith("loadPthOptimizer", (info, _) => readPthContents(info, given, find), bytes, given);
  const counts = (groups: readonly { count: number }[]): string => groups.map(({ count }) => count).join(" + ");
  const here = ours!.map(({ parameters }) => ({ count: parameters.length }));
  if (counts(saved) !== counts(here)) {
    throw new ValueError(
      `${file.name}: the file's optimiser has ${counts(saved)} parameters by group, this one ${counts(here)}: make it with the same groups of the same parameters (frozen ones count where PyTorch's optimiser was given them)`,
    );
  }
  optimizer.loadStateDict(stateIn(file, optimizer, rates(file.name, optimizer, withTensors(saved, file))));
}

/** @throws UsageError for anything but an optimiser with groups and a state. */
export function checkTorchOptimizer<T extends Optimizer>(op: string, optimizer: T): T {
  if (optimizer && groupsOf(optimizer) && optimizer.stateDict && optimizer.loadStateDict) return optimizer;
  throw new UsageError(`${op}: takes an SGD, Adam, AdamW or RMSprop, got ${describe(optimizer)}`);
}

/** What the names of options begin with that are tensors, as a rate may be in PyTorch 2: `group.0.lr`. */
const GROUP = "group";

/** The groups with those of their options, too. */
function withTensors(groups: readonly SavedGroup[], file: WeightFile): SavedGroup[] {
  return groups.map(({ options, count }, i) => {
    const start = `${GROUP}.${i}.`;
    const names = [...file.entries.keys()].filter((name) => name.startsWith(start));
    const read = names.map((name) => [name.slice(start.length), file.tensor(name).item()] as const);
    return { options: { ...options, ...Object.fromEntries(read) }, count };
  });
}

/** Tensors and numbers by place and name, such as `3.exp_avg`: the numbers are in the metadata. */
function findOptimizer(
  root: Pickled,
  key: string | undefined,
  file: FileInfo,
): FoundState & { groups: readonly SavedGroup[] } {
  const dict = optimizerDict(root, key, file);
  const tensors = new Map<string, PickledTensor>();
  const groups = (dict.get("param_groups") as readonly Dict[]).map((group, i) => {
    if (!(group instanceof Map) || !Array.isArray(group.get("params"))) {
      throw new FormatError(`${file.name}: a group of the optimiser has no list of params`);
    }
    for (const [name, value] of group) {
      if (isTensor(value) && value.shape.length === 0) tensors.set(`${GROUP}.${i}.${String(name)}`, value);
    }
    const options = [...group].filter(([name, value]) => typeof name === "string" && isOption(value));
    return {
      ids: group.get("params") as readonly Pickled[],
      options: Object.fromEntries(options) as SavedGroup["options"],
    };
  });
  const places = new Map(groups.flatMap(({ ids }) => ids).map((id, place) => [id, place]));
  const metadata = new Map<string, string>();
  for (const [id, state] of dict.get("state") as Dict) {
    const place = places.get(id);
    if (place === undefined || !(state instanceof Map)) {
      throw new FormatError(
        `${file.name}: the optimiser has a state of the parameter ${String(id)}, which is in no group`,
      );
    }
    for (const [name, value] of state) {
      if (isTensor(value)) tensors.set(`${place}.${String(name)}`, value);
      // None stands for a velocity that has not begun.
      else if (value !== null) metadata.set(`${place}.${String(name)}`, String(value));
    }
  }
  return { tensors, metadata, ignored: [], groups: groups.map(({ ids, options }) => ({ options, count: ids.length })) };
}

function isOption(value: Pickled): value is number | boolean | number[] {
  if (typeof value === "number" || typeof value === "boolean") return true;
  return Array.isArray(value) && value.length > 0 && value.every((member) => typeof member === "number");
}

function optimizerDict(root: Pickled, key: string | undefined, file: FileInfo): Dict {
  const isState = (value: Pickled | undefined): value is Map<Pickled, Pickled> =>
    value instanceof Map && value.get("state") instanceof Map && Array.isArray(value.get("param_groups"));
  const first = (value: Pickled | undefined): Pickled | undefined =>
    Array.isArray(value) && value.length === 1 ? (value as Pickled[])[0] : value;
  if (root instanceof Map) {
    const candidates =
      key !== undefined ? [dictUnder(root, key)] : [root, ...usualKeys.map((name) => first(root.get(name)))];
    const found = candidates.find(isState);
    if (found) return found;
  }
  const where = key === undefined ? "" : ` under the key ${quote(key)}`;
  const contents = root instanceof Map ? ` ${listing(root)}` : "";
  throw new FormatError(
    `${file.name}: there is no optimiser's state${where}, a dict with "state" and "param_groups".${contents}`,
  );
}

/** The rate and momentum with which this optimiser's groups have the options that the file says. */
function rates(
  name: string,
  optimizer: TorchOptimizer,
  saved: readonly SavedGroup[],
): { lr: number; momentum: number } {
  const groups = groupsOf(optimizer)!;
  const numberIn = (i: number, option: string): number => {
    const value = saved[i].options[option];
    if (typeof value === "number") return value;
    throw new FormatError(`${name}: group ${i} of the optimiser has no number ${quote(option)}`);
  };
  const paced = Math.max(
    0,
    groups.findIndex(({ lrRatio }) => lrRatio > 0),
  );
  const lr = groups[paced].lrRatio > 0 ? numberIn(paced, "lr") / groups[paced].lrRatio : optimizer.lr;
  const common = groups.findIndex(({ own }) => !("momentum" in own) && !("betas" in own));
  const { momentum: savedMomentum, betas } = saved[Math.max(0, common)].options;
  const first = Array.isArray(betas) ? betas[0] : savedMomentum;
  const momentum = common >= 0 && typeof first === "number" ? first : optimizer.momentum;
  groups.forEach((group, i) => {
    for (const [option, here] of Object.entries(groupOptions(group, lr, momentum))) {
      const there = saved[i].options[option];
      // Files are older than some options, which were at their default, false, then.
      if (there === undefined && here === false) continue;
      if (
        option === "lr" ? Math.abs((there as number) - (here as number)) <= 1e-9 * (here as number) : same(there, here)
      ) {
        continue;
      }
      if (there === undefined) {
        throw new ValueError(`${name}: the file has another kind of optimiser: its group ${i} has no ${option}`);
      }
      throw new ValueError(
        `${name}: group ${i} of the file's optimiser has ${option} ${show(there)}, this one ${show(here)}: make it with { ${ownName(option)}: ${show(there)} }`,
      );
    }
  });
  return { lr, momentum };
}

function same(a: GroupOption | undefined, b: GroupOption): boolean {
  // Python's 0 and False, 1 and True are equal.
  return Array.isArray(a) && Array.isArray(b) ? a.every((member, i) => member === b[i]) : Number(a) === Number(b);
}

function show(value: GroupOption): string {
  return Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
}

/** The state as `loadStateDict` takes it. A step is a number in old files, a tensor in new ones. */
function stateIn(file: WeightFile, optimizer: Optimizer, rates: { lr: number; momentum: number }): OptimizerState {
  const numbers: Record<string, number> = { ...rates };
  for (const [name, value] of file.metadata) numbers[name] = Number(value);
  const tensors: Record<string, ReturnType<WeightFile["tensor"]>> = {};
  for (const [name, { shape }] of file.entries) {
    const [place, field] = name.split(".", 2);
    if (place === GROUP) continue;
    const parameter = optimizer.parameters[Number(place)];
    if (field === "step" && shape.length === 0) numbers[name] = file.tensor(name).item();
    else if (sameShape(shape, parameter.shape)) tensors[name] = file.tensor(name);
    else {
      throw new ValueError(
        `${file.name}: the ${field} of parameter ${place} is ${formatShape(shape)}, and this optimiser's parameter ${place} is ${formatShape(parameter.shape)}: PyTorch numbers parameters in the order in which its optimiser was given them, group after group: give them to this one in that order`,
      );
    }
  }
  return { tensors, numbers };
}
