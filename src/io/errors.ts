/** The error that every reader in this layer throws. */
import { SkipstoneError } from "../tensor/errors.ts";

/**
 * A file that is truncated, corrupt, hostile or in another format. The message names the file, the place in it (offset,
 * opcode, tensor) and the fault: `resnet18.safetensors: header, character 57: …`.
 *
 * @example
 * readWeights(Uint8Array.of(1, 2, 3)); // throws FormatError: weights: neither safetensors nor .pth
 */
export class FormatError extends SkipstoneError {
  override readonly name = "FormatError";
}

/** Throws a FormatError that says where in the file the fault is. */
export type Fail = (message: string) => never;

/** A name from a file, as messages show it: quoted, escaped, and at most a line long. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name);
}
