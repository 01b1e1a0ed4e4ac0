/** Files as the readers take them, and the error they throw. Next: idx.ts, cifar.ts, the two formats. */
import { SkipstoneError } from "../tensor/errors.ts";

/** A file's bytes, with the name that error messages use. Bare bytes are called "data". */
export type DataFile = Uint8Array | { readonly name: string; readonly bytes: Uint8Array };

/** A data file that is truncated, corrupt, of another format, or at odds with its companion. Names file and place. */
export class DataError extends SkipstoneError {
  override readonly name = "DataError";
}

/** The two parts of a `DataFile`. */
export function openDataFile(file: DataFile): { name: string; bytes: Uint8Array } {
  return file instanceof Uint8Array ? { name: "data", bytes: file } : file;
}
