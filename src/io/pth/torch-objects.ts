/**
 * The Python functions and types that a pickle from `torch.save` needs for tensors and plain containers, with their
 * equivalents here. A pickle may name no others (torch/_weights_only_unpickler.py has a similar list).
 * Next: read.ts.
 */
import { formatShape, type Shape, sizeOf } from "../../tensor/shape.ts";
import { type DType, dtypes, isDType } from "../dtypes.ts";
import { type Fail, quote } from "../errors.ts";
import { spanOf } from "../strided.ts";
import { type Pickled, type PickleFunction, SKIPPED } from "./pickled.ts";

/** A storage outside the pickle: consecutive numbers. */
export interface Storage {
  readonly kind: "storage";
  readonly key: string;
  readonly byteLength: number;
  /** The type of its numbers; null where its tensors give theirs. */
  readonly dtype: DType | null;
  /** Its numbers have a type that this library has not, such as complex ones: its tensors are left out. */
  readonly foreign: boolean;
}

/** A tensor: a window on a storage. */
export interface PickledTensor {
  readonly kind: "tensor";
  readonly storage: Storage;
  readonly dtype: DType;
  /** Of the first element, in elements. */
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
}

/** A storage class or a number type: both say how to read numbers. */
interface TypeName {
  readonly kind: "storage type" | "dtype";
  readonly dtype: DType | null;
  /** Bytes per number of a foreign type. */
  readonly foreign?: number;
}

/** The storage classes, in the module `torch`. Newer types have none: their storages are untyped. */
export const storageClasses: Readonly<Partial<Record<DType, string>>> = {
  float64: "DoubleStorage",
  float32: "FloatStorage",
  float16: "HalfStorage",
  bfloat16: "BFloat16Storage",
  int64: "LongStorage",
  int32: "IntStorage",
  int16: "ShortStorage",
  int8: "CharStorage",
  uint8: "ByteStorage",
  bool: "BoolStorage",
};

/** Storages of types that this library has not, and their bytes per number: complex and quantised numbers. */
const foreignClasses: Readonly<Record<string, number>> = {
  ComplexDoubleStorage: 16,
  ComplexFloatStorage: 8,
  QInt32Storage: 4,
  QInt8Storage: 1,
  QUInt8Storage: 1,
  QUInt4x2Storage: 1,
  QUInt2x4Storage: 1,
};

/** PyTorch's own limit. */
const maxRank = 64;

const functions: Readonly<Record<string, PickleFunction>> = {
  // Python 2 gave its items as a list of pairs.
  "collections.OrderedDict": ([pairs = []], fail) => new Map(pairsOf(pairs, fail)),
  // Its one argument makes the values of absent keys.
  "collections.defaultdict": () => new Map(),
  "collections.Counter": ([counts = new Map()], fail) =>
    counts instanceof Map ? counts : fail("a Counter without a dict"),
  "torch.Size": ([lengths], fail) => (Array.isArray(lengths) ? lengths : fail("a Size without a tuple")),
  "torch.device": ([type], fail) => (typeof type === "string" ? type : fail("a device without a name")),
  "torch._utils._rebuild_tensor": rebuildTensor,
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_tensor_v3": (args, fail) => rebuildTensor(args, fail, args[6]),
  "torch._utils._rebuild_parameter": rebuildParameter,
  "torch._utils._rebuild_parameter_with_state": rebuildParameter,
};

/**
 * The globals a pickle may name. All others are unknown: they are added to the names `left` out and stand for an object
 * that is ignored. Without `left` there is no value for them.
 */
export function torchGlobal(name: string, left: Set<string> | undefined): Pickled | undefined {
  if (Object.hasOwn(functions, name)) return functions[name];
  if (name === "torch.storage.UntypedStorage") return { kind: "storage type", dtype: null } satisfies TypeName;
  if (name.startsWith("torch.")) {
    const short = name.slice("torch.".length);
    if (isDType(short)) return { kind: "dtype", dtype: short } satisfies TypeName;
    const dtype = (Object.keys(storageClasses) as DType[]).find((type) => storageClasses[type] === short);
    if (dtype) return { kind: "storage type", dtype } satisfies TypeName;
  }
  if (!left) return undefined;
  left.add(name);
  const foreign = name.startsWith("torch.") ? foreignClasses[name.slice("torch.".length)] : undefined;
  return foreign ? ({ kind: "storage type", dtype: null, foreign } satisfies TypeName) : SKIPPED;
}

/** The persistent id of a storage: `("storage", class, key, device, number of elements)`. */
export function storageOf(id: Pickled | undefined, fail: Fail): Storage {
  if (!Array.isArray(id) || id[0] !== "storage") return fail("refers to something outside that is not a storage");
  const [, type, key, , count, view] = id as readonly Pickled[];
  if (!isTypeName(type, "storage type")) return fail("a storage whose class is not a storage class");
  if (typeof key !== "string") return fail("a storage whose key is not a string");
  if (!isCount(count)) return fail(`storage ${quote(key)} has no valid number of elements`);
  if (view !== undefined && view !== null)
    return fail(`storage ${quote(key)} is a view as PyTorch before 0.4 wrote it`);
  const byteLength = count * (type.dtype ? dtypes[type.dtype].bytes : (type.foreign ?? 1));
  return { kind: "storage", key, byteLength, dtype: type.dtype, foreign: type.foreign !== undefined };
}

export function isTensor(value: Pickled | undefined): value is PickledTensor {
  return typeof value === "object" && value !== null && (value as Partial<PickledTensor>).kind === "tensor";
}

/** Two tensors of a file with the same window are one tensor under two names. */
export function windowOf({ storage, dtype, offset, shape, strides }: PickledTensor): string {
  return `${storage.key} ${dtype} ${offset} ${shape} ${strides}`;
}

/** `(storage, offset, shape, strides, …)`; the rest (requires_grad, hooks) is ignored. */
function rebuildTensor(args: readonly Pickled[], fail: Fail, type?: Pickled): PickledTensor | typeof SKIPPED {
  const [storage, offset, shape, strides] = args as readonly (Pickled | undefined)[];
  if (!isStorage(storage)) return fail("a tensor without a storage");
  if (storage.foreign || type === SKIPPED) return SKIPPED;
  if (type !== undefined && !isTypeName(type, "dtype")) return fail("a tensor with an invalid dtype");
  const dtype = type?.dtype ?? storage.dtype;
  if (!dtype) return fail("a tensor on an untyped storage without a dtype");
  if (!isCount(offset) || !areCounts(shape) || !areCounts(strides) || shape.length !== strides.length) {
    return fail("a tensor whose offset, shape and strides are not all whole numbers of 0 or more, or not equally many");
  }
  if (shape.length > maxRank) return fail(`a tensor of rank ${shape.length}, the maximum is ${maxRank}`);
  const width = dtypes[dtype].bytes;
  const span = spanOf(shape, strides);
  if (!Number.isSafeInteger(sizeOf(shape)) || (span > 0 && (offset + span) * width > storage.byteLength)) {
    return fail(
      `a tensor ${formatShape(shape)} of ${dtype}, strides ${formatShape(strides)}, offset ${offset} is larger than its storage ${quote(storage.key)} of ${storage.byteLength} bytes`,
    );
  }
  return { kind: "tensor", storage, dtype, offset, shape: [...shape], strides: [...strides] };
}

function rebuildParameter([tensor]: readonly Pickled[], fail: Fail): Pickled {
  return isTensor(tensor) || tensor === SKIPPED ? tensor : fail("a Parameter without a tensor");
}

function pairsOf(list: Pickled, fail: Fail): (readonly [Pickled, Pickled])[] {
  if (!Array.isArray(list)) return fail("an OrderedDict without a list of pairs");
  return list.map((pair: Pickled) =>
    Array.isArray(pair) && pair.length === 2
      ? ([pair[0], pair[1]] as const)
      : fail("an OrderedDict whose items are not pairs"),
  );
}

function isStorage(value: Pickled | undefined): value is Storage {
  return typeof value === "object" && value !== null && (value as Partial<Storage>).kind === "storage";
}

function isTypeName(value: Pickled | undefined, kind: TypeName["kind"]): value is TypeName {
  return typeof value === "object" && value !== null && (value as Partial<TypeName>).kind === kind;
}

function isCount(value: Pickled | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function areCounts(value: Pickled | undefined): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}
