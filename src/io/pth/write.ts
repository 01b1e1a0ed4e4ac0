/**
 * Writes files for `torch.load(path, weights_only=True)`: an OrderedDict of tensors, pickled with protocol 2, in a zip
 * archive of stored entries (zip-file.ts and ../zip/read.ts describe both).
 */
import { checkOptions } from "../../tensor/check.ts";
import { stridesOf } from "../../tensor/shape.ts";
import { encodeUtf8 } from "../utf8.ts";
import {
  joinChunks,
  type OutgoingTensor,
  outgoingTensors,
  type StateToWrite,
  WRITE_OPTIONS,
  type WriteOptions,
} from "../writing.ts";
import { zipChunks } from "../zip/write.ts";
import { OPCODES as op } from "./opcodes.ts";
import { PickleWriter } from "./pickle-writer.ts";
import { storageClasses } from "./torch-objects.ts";

/**
 * A `.pth` file for PyTorch: `model.load_state_dict(torch.load("weights.pth"))`. A tensor with several names in the
 * state is stored once.
 *
 * @example
 * const file = writePth({ w: tensor([1, 2]) });
 * readPth(file).tensor("w"); // [1, 2]
 *
 * @throws ValueError for a number that the type cannot hold, and above 4 GiB (safetensors has no such limit).
 */
export function writePth(state: StateToWrite, options: WriteOptions = {}): Uint8Array {
  return joinChunks(pthChunksFor("writePth", state, options));
}

/**
 * The same file in pieces, for a stream; each tensor is converted when its turn comes.
 *
 * @example
 * const file = new Blob(Array.from(pthChunks({ w: tensor([1, 2]) })) as Uint8Array<ArrayBuffer>[]);
 * const opened = await openPth(file);
 * await opened.tensor("w"); // [1, 2]
 */
export function pthChunks(state: StateToWrite, options: WriteOptions = {}): Generator<Uint8Array> {
  return pthChunksFor("pthChunks", state, options);
}

/** The pieces, for the function `op`. Errors in the state are found before the first piece. */
export function pthChunksFor(op: string, state: StateToWrite, options: WriteOptions): Generator<Uint8Array> {
  checkOptions(op, options, WRITE_OPTIONS);
  const tensors = outgoingTensors(op, state, options);
  return encodeChunks(tensors, (pickle, keyOf) => pickleState(pickle, tensors, keyOf));
}

/** The key of a tensor's storage in the file. */
export type KeyOf = (tensor: OutgoingTensor) => string;

/** A file that holds what `write` pickles, in which the tensors are referred to. */
export function* encodeChunks(
  tensors: readonly OutgoingTensor[],
  write: (pickle: PickleWriter, keyOf: KeyOf) => void,
): Generator<Uint8Array> {
  // One storage per set of shared numbers and type, under the key 0, 1, …
  const storages = new Map<string, OutgoingTensor>();
  const numbers = new Map<object, number>();
  const nameOf = ({ source, dtype }: OutgoingTensor): string => `${numbers.get(source)} ${dtype}`;
  for (const tensor of tensors) {
    if (!numbers.has(tensor.source)) numbers.set(tensor.source, numbers.size);
    storages.set(nameOf(tensor), tensor);
  }
  const keys = new Map([...storages.keys()].map((name, i) => [name, String(i)]));
  const pickle = new PickleWriter();
  pickle.code(op.PROTO, 2);
  write(pickle, (tensor) => keys.get(nameOf(tensor))!);
  pickle.code(op.STOP);
  yield* zipChunks(
    (function* () {
      yield { name: "weights/data.pkl", bytes: pickle.finish() };
      yield { name: "weights/byteorder", bytes: encodeUtf8("little") };
      for (const [name, tensor] of storages) yield { name: `weights/data/${keys.get(name)}`, bytes: tensor.encode() };
      yield { name: "weights/version", bytes: encodeUtf8("3\n") };
    })(),
  );
}

/** An OrderedDict of tensors, as `model.state_dict()`. */
export function pickleState(pickle: PickleWriter, tensors: readonly OutgoingTensor[], keyOf: KeyOf): void {
  orderedDict(pickle);
  pickle.code(op.MARK);
  for (const tensor of tensors) {
    pickle.text(tensor.name);
    pickleTensor(pickle, tensor, keyOf);
  }
  pickle.code(op.SETITEMS);
}

export function pickleTensor(pickle: PickleWriter, tensor: OutgoingTensor, keyOf: KeyOf): void {
  const { dtype, shape, byteLength } = tensor;
  const storageClass = storageClasses[dtype];
  const shapeTuple = (lengths: readonly number[]): void => {
    pickle.code(op.MARK);
    for (const length of lengths) pickle.integer(length);
    pickle.code(op.TUPLE);
  };
  // Types without a storage class use an untyped storage, and the tensor gives its own type: version 3.
  pickle.global("torch._utils", storageClass ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
  pickle.code(op.MARK);
  pickle.code(op.MARK);
  pickle.text("storage");
  if (storageClass) pickle.global("torch", storageClass);
  else pickle.global("torch.storage", "UntypedStorage");
  pickle.text(keyOf(tensor));
  pickle.text("cpu");
  pickle.integer(storageClass ? shape.reduce((size, length) => size * length, 1) : byteLength);
  pickle.code(op.TUPLE, op.BINPERSID);
  pickle.integer(0);
  shapeTuple(shape);
  shapeTuple(stridesOf(shape));
  pickle.code(op.NEWFALSE);
  orderedDict(pickle);
  if (!storageClass) pickle.global("torch", dtype);
  pickle.code(op.TUPLE, op.REDUCE);
}

function orderedDict(pickle: PickleWriter): void {
  pickle.global("collections", "OrderedDict");
  pickle.code(op.EMPTY_TUPLE, op.REDUCE);
}
