/**
 * Pictures in folders, one folder for each class: torchvision's `ImageFolder`. From the names of the files alone; the walk of a
 * directory is in src/node. Next: decode-images.ts, which makes a dataset of them.
 */
import { checkList } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { DataError } from "./errors.ts";

/** A picture's file: its path below the folder, `cats/1.png`, or a page's `File` of `<input type="file" webkitdirectory>`. */
export type ImageFile = string | { readonly webkitRelativePath: string };

/** What `imageFolder` finds. */
export interface ImageFolder<F = string> {
  /** The names of the class folders, sorted. */
  readonly classes: readonly string[];
  /** Every picture and its class, sorted by class, then by folder and name. */
  readonly samples: readonly ImageSample<F>[];
}

/** A picture in a folder of class folders. */
export interface ImageSample<F = string> {
  readonly file: F;
  /** The number of its class, 0 … classes.length − 1. */
  readonly label: number;
}

/** Options of `imageFolder`. */
export interface ImageFolderOptions {
  /** The endings of pictures, in small letters; `1.PNG` ends in `.png`, too. Default: torchvision's nine. */
  extensions?: readonly string[];
}

const OPTIONS: OptionNames<ImageFolderOptions> = { extensions: true };

/** torchvision's `IMG_EXTENSIONS`. */
const EXTENSIONS = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/**
 * The classes and pictures of a folder that has a folder for each class, in the order that torchvision gives them. Files in
 * deeper folders belong to the class at the top. Other files are left out, and so is what is hidden: a name that begins with a
 * dot, which torchvision takes.
 *
 * @param files every file below the folder, in any order: paths from there on, or the `FileList` of a page, whose paths begin
 * with the chosen folder's name. A path that ends in `/` is a folder.
 *
 * @example
 * const folder = imageFolder(["dogs/b.jpg", "cats/2.png", "cats/1.png", "cats/notes.txt"]);
 * folder.classes; // ["cats", "dogs"]
 * folder.samples.map(({ file, label }) => `${label} ${file}`); // ["0 cats/1.png", "0 cats/2.png", "1 dogs/b.jpg"]
 *
 * @throws DataError for no picture at all, a class folder without one, and pictures beside the class folders.
 */
export function imageFolder<F extends ImageFile>(files: Iterable<F>, options: ImageFolderOptions = {}): ImageFolder<F> {
  checkFiles(files);
  return findImages("imageFolder", files, options);
}

/** The same for the function `op`. */
export function findImages<F extends ImageFile>(
  op: string,
  files: Iterable<F>,
  options: ImageFolderOptions,
): ImageFolder<F> {
  checkOptions(op, options, OPTIONS);
  const { extensions = EXTENSIONS } = options;
  checkExtensions(op, extensions);
  const places = Array.from(files, placeOf).filter(({ parts }) => !parts.some((part) => part.startsWith(".")));
  const isPicture = ({ name }: Place<F>): boolean => extensions.some((end) => name.toLowerCase().endsWith(end));
  const pictures = places.filter(isPicture);
  const classes = [...new Set(places.flatMap(({ parts }) => (parts.length > 1 ? [parts[0]] : [])))].sort(compare);
  checkPlaces(op, pictures, classes, extensions);
  const numbers = new Map(classes.map((name, label) => [name, label]));
  const order = (a: Place<F>, b: Place<F>): number =>
    compare(a.parts[0], b.parts[0]) || compare(a.folder, b.folder) || compare(a.name, b.name);
  const samples = pictures.sort(order).map(({ file, parts }) => ({ file, label: numbers.get(parts[0])! }));
  return { classes, samples };
}

/** The path of a file: what it is called in messages. */
export function pathOf(file: unknown): string {
  if (typeof file === "string") return file;
  const { webkitRelativePath, name } = (file ?? {}) as { webkitRelativePath?: unknown; name?: unknown };
  return [webkitRelativePath, name].find((text): text is string => typeof text === "string" && text !== "") ?? "";
}

/** A file, and where it lies below the folder of class folders. */
interface Place<F> {
  readonly file: F;
  /** `["cats", "young", "1.png"]`; the last is empty for a folder. */
  readonly parts: readonly string[];
  readonly folder: string;
  readonly name: string;
}

function placeOf<F extends ImageFile>(file: F, index: number): Place<F> {
  const path = typeof file === "string" ? file : (file as { webkitRelativePath?: unknown } | null)?.webkitRelativePath;
  if (typeof path !== "string" || path === "" || /^(\/|\.\.\/)/.test(path)) {
    const what = 'a path below the folder, "cats/1.png", or a File that was chosen with its folder';
    const got = `${describe(file)}${path === "" ? " without a path" : ""}`;
    throw new UsageError(`imageFolder: files[${index}] must be ${what}, got ${got}`);
  }
  const below = typeof file === "string" ? path : path.slice(path.indexOf("/") + 1);
  const parts = below.split("/").filter((part) => part !== ".");
  return { file, parts, folder: parts.slice(0, -1).join("/"), name: parts[parts.length - 1] };
}

/** The order of Python's strings, by code points: a surrogate stands for one above all others. */
function compare(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === length) return a.length - b.length;
  const [p, q] = [a.charCodeAt(i), b.charCodeAt(i)];
  const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xe000;
  return Number(isSurrogate(p)) - Number(isSurrogate(q)) || p - q;
}

function checkPlaces<F>(
  op: string,
  pictures: readonly Place<F>[],
  classes: readonly string[],
  extensions: readonly string[],
): void {
  const endings = `pictures end in ${extensions.join(", ")}`;
  if (pictures.length === 0 && classes.length === 0) throw new DataError(`${op}: no picture: ${endings}`);
  const beside = pictures.filter(({ parts }) => parts.length === 1);
  if (beside.length > 0) {
    const names = listOf(beside.map(({ name }) => name));
    throw new DataError(`${op}: every picture must lie in the folder of its class, got ${names} beside them`);
  }
  const used = new Set(pictures.map(({ parts }) => parts[0]));
  const empty = classes.filter((name) => !used.has(name));
  if (empty.length > 0) {
    throw new DataError(`${op}: every class folder must have a picture, got none in ${listOf(empty)}: ${endings}`);
  }
}

/** The first few names. */
function listOf(names: readonly string[]): string {
  const more = names.length - 3;
  return names.slice(0, 3).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function checkFiles(files: unknown): asserts files is Iterable<unknown> {
  if (typeof files === "object" && files !== null && Symbol.iterator in files) return;
  throw new UsageError(`imageFolder: files must be a list of paths or of a page's Files, got ${describe(files)}`);
}

function checkExtensions(op: string, extensions: unknown): void {
  checkList(op, "extensions", extensions);
  const wrong = extensions.filter((end) => typeof end !== "string" || !/^\.[^A-Z]+$/.test(end));
  if (wrong.length === 0 && extensions.length > 0) return;
  const got = extensions.length === 0 ? "none" : describe(wrong[0]);
  throw new ValueError(`${op}: extensions must be endings in small letters, such as ".png", got ${got}`);
}
