/** A folder of class folders, by the names of its files. */
import { describe, expect, it } from "vitest";
import { imageFolder } from "../../src/data/index.ts";

describe("imageFolder", () => {
  it("finds classes and pictures, sorted, and leaves out other files and hidden ones", () => {
    const names = ["dogs/b.JPG", "dogs/a.jpeg", "cats/2.png", "cats/10.png", "cats/notes.txt", "README.md"];
    const hidden = [".DS_Store", "cats/.hidden.png", ".thumbnails/1.png", "cats/.thumbnails/1.png"];
    expect(imageFolder([...names, ...hidden])).toEqual({
      classes: ["cats", "dogs"],
      samples: [
        { file: "cats/10.png", label: 0 },
        { file: "cats/2.png", label: 0 },
        { file: "dogs/a.jpeg", label: 1 },
        { file: "dogs/b.JPG", label: 1 },
      ],
    });
  });

  // What torchvision's make_dataset gives for these files: sorted(os.walk(…)), and sorted names in each folder.
  it("deeper folders belong to the class at the top, in torchvision's order: by folder, then by name", () => {
    const files = ["a/sub/1.png", "a/z.png", "a/sub-2/1.png", "a/sub/deep/0.png", "a/B.png", "Z/1.png", "é/1.png"];
    const { classes, samples } = imageFolder(files.map((name) => `./${name}`));
    expect(classes).toEqual(["Z", "a", "é"]);
    const order = ["Z/1.png", "a/B.png", "a/z.png", "a/sub/1.png", "a/sub-2/1.png", "a/sub/deep/0.png", "é/1.png"];
    expect(samples.map(({ file }) => file)).toEqual(order.map((name) => `./${name}`));
  });

  it("sorts by code points, as Python: 😀 behind ﬁ", () => {
    const { classes } = imageFolder(["😀/1.png", "ﬁ/1.png", "😀a/1.png", "😁/1.png", "f/1.png"]);
    expect(classes).toEqual(["f", "ﬁ", "😀", "😀a", "😁"]);
    expect(["😀", "ﬁ"].sort()).toEqual(["😀", "ﬁ"]);
  });

  it("takes a page's files, whose paths begin with the chosen folder, and gives them back", () => {
    const file = (webkitRelativePath: string) => ({ webkitRelativePath });
    const [cat, dog, note] = [file("pets/cats/1.png"), file("pets/dogs/1.png"), file("pets/notes.txt")];
    const { classes, samples } = imageFolder(new Set([dog, note, cat]));
    expect(classes).toEqual(["cats", "dogs"]);
    expect(samples.map((sample) => sample.file)).toEqual([cat, dog]);
    expect(samples[1].file).toBe(dog);
  });

  it("other endings, if they are named", () => {
    const names = ["a/1.png", "a/1.avif", "b/1.AVIF"];
    expect(imageFolder(names, { extensions: [".avif"] }).samples.map(({ file }) => file)).toEqual(names.slice(1));
  });

  it.each([
    [[], "imageFolder: no picture: pictures end in .jpg, .jpeg, .png, .ppm, .bmp, .pgm, .tif, .tiff, .webp"],
    [["notes.txt", ".a/1.png"], "imageFolder: no picture: pictures end in .jpg"],
    [
      ["1.png", "2.png"],
      "imageFolder: every picture must lie in the folder of its class, got 1.png, 2.png beside them",
    ],
    [
      ["a/1.png", "5.png", "4.png", "3.png", "2.png"],
      "imageFolder: every picture must lie in the folder of its class, got 5.png, 4.png, 3.png and 1 more beside them",
    ],
    [
      ["a/1.png", "b/", "c/1.txt"],
      "imageFolder: every class folder must have a picture, got none in b, c: pictures end",
    ],
  ])("a DataError for %j", (names, message) => {
    expect(() => imageFolder(names)).toThrow(expect.objectContaining({ name: "DataError" }));
    expect(() => imageFolder(names)).toThrow(message);
  });

  it.each([
    ["/data/cats/1.png", '"/data/cats/1.png"'],
    ["../cats/1.png", '"../cats/1.png"'],
    [{ webkitRelativePath: "" }, "an object { webkitRelativePath } without a path"],
    [{ name: "1.png" }, "an object { name }"],
    [7, "7"],
  ])("refuses %j as a file", (file, got) => {
    expect(() => imageFolder(["cats/1.png", file as string])).toThrow(
      `imageFolder: files[1] must be a path below the folder, "cats/1.png", or a File that was chosen with its folder, got ${got}`,
    );
  });

  it("refuses endings in capitals or without a dot", () => {
    for (const end of [".PNG", "png", "."]) {
      expect(() => imageFolder(["a/1.png"], { extensions: [".jpg", end] })).toThrow(
        `imageFolder: extensions must be endings in small letters, such as ".png", got "${end}"`,
      );
    }
    expect(() => imageFolder(["a/1.png"], { extensions: [] })).toThrow("got none");
    expect(() => imageFolder(["a/1.png"], { extensions: [undefined as unknown as string] })).toThrow("got undefined");
  });
});
