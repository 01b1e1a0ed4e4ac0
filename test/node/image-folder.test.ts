/** The walk of a directory of class folders. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { readImageFolder } from "../../src/node/index.ts";

function directoryOf(names: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), "skipstone-folder-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const name of names) {
    mkdirSync(join(root, name.endsWith("/") ? name : dirname(name)), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(join(root, name), "");
  }
  return root;
}

it("finds the pictures of every class, at any depth, by their paths", async () => {
  const root = directoryOf(["dogs/1.png", "cats/young/2.jpg", "cats/1.png", "cats/notes.txt", ".git/1.png", "README"]);
  expect(await readImageFolder(root)).toEqual({
    classes: ["cats", "dogs"],
    samples: [
      { file: join(root, "cats/1.png"), label: 0 },
      { file: join(root, "cats/young/2.jpg"), label: 0 },
      { file: join(root, "dogs/1.png"), label: 1 },
    ],
  });
  const { samples } = await readImageFolder(root, { extensions: [".png"] });
  expect(samples.length).toBe(2);
});

it("follows symbolic links, to files and to folders", async () => {
  const root = directoryOf(["a/1.png"]);
  const elsewhere = directoryOf(["pictures/2.png"]);
  symlinkSync(join(elsewhere, "pictures"), join(root, "b"));
  symlinkSync(join(elsewhere, "pictures/2.png"), join(root, "a/2.png"));
  const { samples } = await readImageFolder(root);
  expect(samples.map(({ file }) => file)).toEqual(["a/1.png", "a/2.png", "b/2.png"].map((name) => join(root, name)));
});

it("names empty class folders, and a path that is no directory", async () => {
  const root = directoryOf(["a/1.png", "b/", "c/d/"]);
  await expect(readImageFolder(root)).rejects.toThrow(
    `readImageFolder: ${root}: every class folder must have a picture, got none in b, c`,
  );
  await expect(readImageFolder(directoryOf([]))).rejects.toThrow(": no picture: pictures end in .jpg");
  await expect(readImageFolder("nowhere")).rejects.toThrow("ENOENT: no such file or directory, scandir 'nowhere");
});
