/** The error of every reader in this layer. */
import { SkipstoneError } from "../tensor/errors.ts";

/**
 * A file that is truncated, corrupt, hostile or of another format. The message names the file, the place in it (offset,
 * opcode, tensor) and what is wrong: `resnet18.safetensors: header, character 57: …`.
 */
export class FormatError extends SkipstoneError {
  override readonly name = "FormatError";
}

/** A name from a file as it may stand in a message: quoted, escaped, and not longer than a line. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name);
}
