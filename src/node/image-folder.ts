/** The pictures below a directory that has a folder for each class. What counts as a picture: src/data/image-folder.ts. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { findImages, type ImageFolder, type ImageFolderOptions } from "../data/image-folder.ts";
import { checkText } from "../tensor/arguments.ts";

/**
 * The classes and pictures of a directory that has a folder for each class: torchvision's `ImageFolder`. Each picture's file is
 * its path, for the `decode` of `decodeImages`. Symbolic links are followed.
 *
 * With sharp as the decoder: examples/fine-tune/main.ts.
 *
 * @example
 * import { readImageFolder, writeFileWhole } from "skipstone/node";
 * import { mkdir } from "node:fs/promises";
 * for (const name of ["cats", "dogs"]) {
 *   await mkdir(`build/pets/${name}`, { recursive: true });
 *   await writeFileWhole(`build/pets/${name}/1.jpg`, [new Uint8Array(4)]);
 * }
 * const { classes, samples } = await readImageFolder("build/pets");
 * classes; // ["cats", "dogs"]
 * samples.map(({ label }) => label); // [0, 1]
 *
 * @throws DataError as `imageFolder` does; an error of the file system for a path that is no directory.
 */
export async function readImageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  checkText("readImageFolder", "path", path);
  const names: string[] = [];
  await walk(path, "", names);
  const { classes, samples } = findImages(`readImageFolder: ${path}`, names, options);
  return { classes, samples: samples.map(({ file, label }) => ({ file: join(path, file), label })) };
}

/** Adds the names of all files below, and of all folders, which end in `/`. */
async function walk(root: string, below: string, names: string[]): Promise<void> {
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const name = below + entry.name;
    const isFolder = entry.isSymbolicLink() ? (await stat(join(root, name))).isDirectory() : entry.isDirectory();
    names.push(isFolder ? `${name}/` : name);
    if (isFolder) await walk(root, `${name}/`, names);
  }
}
