/** Checkpoints of a training in a file: safetensors, with what is no tensor as metadata. */
import type { Checkpoint } from "../nn/training/checkpoint.ts";
import { FormatError } from "./errors.ts";
import { readContents } from "./safetensors/read.ts";
import { safetensorsChunksFor } from "./safetensors/write.ts";
import { readWith } from "./weight-file.ts";
import { joinChunks } from "./writing.ts";

/**
 * A file of a checkpoint, which any reader of safetensors can open: the weights are under `model.`.
 *
 * @example
 * let saved: Uint8Array | undefined;
 * await fit(model, { data, optimizer, steps: 3, onStep: ({ checkpoint }) => { saved = writeCheckpoint(checkpoint()); } });
 * await fit(model, { data, optimizer, steps: 6, resume: readCheckpoint(saved!) }); // steps 3, 4, 5
 */
export function writeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  return joinChunks(checkpointChunks("writeCheckpoint", checkpoint));
}

/** The same in pieces, for a stream. */
export function checkpointChunks(op: string, checkpoint: Checkpoint): Generator<Uint8Array> {
  return safetensorsChunksFor(op, checkpoint?.tensors, { metadata: checkpoint?.metadata });
}

/**
 * The checkpoint in a file that `writeCheckpoint` wrote. `fit({ resume })` checks whether it is one of its model.
 *
 * @example
 * let file: Uint8Array = new Uint8Array();
 * await fit(model, { data, optimizer, steps: 3, onStep: ({ checkpoint }) => { file = writeCheckpoint(checkpoint()); } });
 * const saved = readCheckpoint(file);
 * await fit(model, { data, optimizer, steps: 6, resume: saved }); // goes on with the fourth step
 *
 * @throws FormatError for any other file.
 */
export function readCheckpoint(bytes: Uint8Array | ArrayBuffer): Checkpoint {
  const file = readWith("readCheckpoint", readContents, bytes, {});
  const metadata = Object.fromEntries(file.metadata);
  if (metadata["training"] === undefined) {
    throw new FormatError(`${file.name}: a safetensors file, but not a checkpoint: its metadata has no "training"`);
  }
  return { tensors: file.stateDict(), metadata };
}
