import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { defaultDataDirectory, readDirectory } from "../../../lab/data/dataset-files.ts";
import { tinyFiles, writeTinyDirectory } from "../tiny-data.ts";

const fresh = (): string => mkdtempSync(join(tmpdir(), "skipstone-"));

describe("data directories", () => {
  test("four IDX files", async () => {
    const { kind, train, test } = await readDirectory(writeTinyDirectory(fresh()));
    expect(kind).toBe("IDX images");
    expect(train.shape).toEqual([64, 1, 8, 8]);
    expect(test.shape).toEqual([24, 1, 8, 8]);
  });

  test("the same compressed, under their other names", async () => {
    const directory = fresh();
    const { images, labels } = tinyFiles(12, 1);
    for (const part of ["train", "t10k"]) {
      writeFileSync(join(directory, `${part}-images.idx3-ubyte.gz`), gzipSync(images));
      writeFileSync(join(directory, `${part}-labels.idx1-ubyte.gz`), gzipSync(labels));
    }
    expect((await readDirectory(directory)).train.shape).toEqual([12, 1, 8, 8]);
  });

  test("CIFAR-10, also in the folder that its archive makes; batches in order", async () => {
    const directory = fresh();
    const inner = join(directory, "cifar-10-batches-bin");
    mkdirSync(inner);
    const record = (label: number): Uint8Array => new Uint8Array(3073).fill(7).fill(label, 0, 1);
    writeFileSync(join(inner, "data_batch_2.bin"), record(2));
    writeFileSync(join(inner, "data_batch_1.bin"), record(1));
    writeFileSync(join(inner, "test_batch.bin"), record(9));
    const { kind, train, test } = await readDirectory(directory);
    expect(kind).toBe("CIFAR-10");
    expect([...train.labels]).toEqual([1, 2]);
    expect([...test.labels]).toEqual([9]);
  });

  test("CIFAR-100", async () => {
    const directory = fresh();
    for (const name of ["train.bin", "test.bin"]) {
      writeFileSync(join(directory, name), new Uint8Array(3074).fill(99, 1, 2));
    }
    const { kind, train } = await readDirectory(directory);
    expect(kind).toBe("CIFAR-100");
    expect(train.classes).toHaveLength(100);
    expect([...train.labels]).toEqual([99]);
  });

  test("the default is MNIST", async () => {
    expect((await readDirectory(defaultDataDirectory())).test.shape).toEqual([10000, 1, 28, 28]);
  });

  test("errors name directory and file", async () => {
    const missing = join(fresh(), "none");
    await expect(readDirectory(missing)).rejects.toThrow(`the data directory ${missing} does not exist`);

    const empty = fresh();
    await expect(readDirectory(empty)).rejects.toThrow(`${empty}: no data found: expected train-images-idx3-ubyte`);

    const file = join(fresh(), "file");
    writeFileSync(file, "");
    await expect(readDirectory(file)).rejects.toThrow(`${file} is not a directory`);

    const half = fresh();
    writeFileSync(join(half, "train-images-idx3-ubyte"), tinyFiles(4, 1).images);
    await expect(readDirectory(half)).rejects.toThrow(
      "missing train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte",
    );

    const { images, labels } = tinyFiles(64, 1);
    const truncated = writeTinyDirectory(fresh(), { "train-images-idx3-ubyte": images.subarray(0, 1000) });
    await expect(readDirectory(truncated)).rejects.toThrow(
      `${join(truncated, "train-images-idx3-ubyte")}: truncated: the data of shape [64,8,8], from offset 16, ends at offset 4112, the file has 1000 bytes`,
    );

    const mislabelled = writeTinyDirectory(fresh(), {
      "train-labels-idx1-ubyte": labels.map((b, i) => (i === 30 ? 10 : b)),
    });
    await expect(readDirectory(mislabelled)).rejects.toThrow("train-labels-idx1-ubyte: record 22 has label 10");

    const lone = fresh();
    writeFileSync(join(lone, "data_batch_1.bin"), new Uint8Array(3073));
    await expect(readDirectory(lone)).rejects.toThrow("has data_batch_1.bin, but no test_batch.bin");
  });
});
