/** A training's checkpoint for PyTorch: weights, and what the optimiser has learnt. */
import { joinChunks, type OutgoingTensor, outgoingTensors, type StateToWrite } from "../writing.ts";
import { OPCODES as op } from "./opcodes.ts";
import { type GroupOption, groupOptions, groupsOf, type TorchOptimizer } from "./optimizer-groups.ts";
import type { PickleWriter } from "./pickle-writer.ts";
import { checkTorchOptimizer } from "./read-optimizer.ts";
import { encodeChunks, type KeyOf, pickleState, pickleTensor } from "./write.ts";

/**
 * The file of `torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)`. In Python:
 *
 *     checkpoint = torch.load(path)
 *     model.load_state_dict(checkpoint["model"])
 *     optimizer.load_state_dict(checkpoint["optimizer"])  # of the same parameters, in the same order and groups
 *
 * @example
 * const file = writePthCheckpoint(model.stateDict(), optimizer);
 * const before = optimizer.lr;
 * loadPthOptimizer(optimizer, file);
 * optimizer.lr === before; // true
 *
 * @throws UsageError for an optimiser that PyTorch does not have; else as `writePth`.
 */
export function writePthCheckpoint(state: StateToWrite, optimizer: TorchOptimizer): Uint8Array {
  checkTorchOptimizer("writePthCheckpoint", optimizer);
  const weights = outgoingTensors("writePthCheckpoint", state, {});
  const { tensors, numbers } = optimizer.stateDict();
  const learnt = outgoingTensors("writePthCheckpoint", tensors, {});
  const write = (pickle: PickleWriter, keyOf: KeyOf): void => {
    const parts: [string, () => void][] = [
      ["model", () => pickleState(pickle, weights, keyOf)],
      ["optimizer", () => pickleOptimizer(pickle, optimizer, byPlace(learnt, numbers), keyOf)],
    ];
    pickle.dict(parts, (part) => part());
  };
  return joinChunks(encodeChunks([...weights, ...learnt], write));
}

type Members = Map<string, OutgoingTensor | number>;

/** Tensors and steps of each parameter: from `3.exp_avg` to 3 and `exp_avg`. */
function byPlace(tensors: readonly OutgoingTensor[], numbers: Readonly<Record<string, number>>): Map<number, Members> {
  const members = new Map<number, Members>();
  const all = [...Object.entries(numbers), ...tensors.map((tensor) => [tensor.name, tensor] as const)];
  for (const [name, value] of all) {
    const dot = name.indexOf(".");
    // lr and momentum belong to the groups.
    if (dot < 0) continue;
    const place = Number(name.slice(0, dot));
    members.set(place, (members.get(place) ?? new Map()).set(name.slice(dot + 1), value));
  }
  return members;
}

function pickleOptimizer(
  pickle: PickleWriter,
  optimizer: TorchOptimizer,
  state: Map<number, Members>,
  keyOf: KeyOf,
): void {
  let next = 0;
  const groups = groupsOf(optimizer)!.map((group) => ({
    options: groupOptions(group, optimizer.lr, optimizer.momentum),
    params: group.parameters.map(() => next++),
  }));
  const parts: [string, () => void][] = [
    [
      "state",
      () =>
        pickle.dict(state, (members) =>
          // A step is a number here, as before PyTorch 1.12: every version takes it.
          pickle.dict(members, (value) =>
            typeof value === "number" ? pickle.integer(value) : pickleTensor(pickle, value, keyOf),
          ),
        ),
    ],
    [
      "param_groups",
      () =>
        pickle.list(groups, ({ options, params }) =>
          pickle.dict<GroupOption | number[]>([...Object.entries(options), ["params", params]], (value) =>
            value === params ? pickle.list(params, (place) => pickle.integer(place)) : pickleOption(pickle, value),
          ),
        ),
    ],
  ];
  pickle.dict(parts, (part) => part());
}

function pickleOption(pickle: PickleWriter, value: GroupOption): void {
  if (typeof value === "boolean") pickle.code(value ? op.NEWTRUE : op.NEWFALSE);
  else if (typeof value === "number") pickle.float(value);
  else {
    pickle.code(op.MARK);
    for (const member of value) pickle.float(member);
    pickle.code(op.TUPLE);
  }
}
