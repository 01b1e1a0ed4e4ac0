import { describe, expect, test } from "vitest";
import { readCifar10, readCifar100 } from "../../src/data/index.ts";

const pixels = 3072;

/** Records with the given label bytes; every pixel of record i is `first + i`. */
function records(labels: readonly (readonly number[])[], first = 1): Uint8Array {
  return Uint8Array.from(labels.flatMap((label, i) => [...label, ...new Array<number>(pixels).fill(first + i)]));
}

describe("readCifar10", () => {
  test("two batches, in order", () => {
    const dataset = readCifar10([
      { name: "data_batch_1.bin", bytes: records([[6], [9]], 10) },
      { name: "data_batch_2.bin", bytes: records([[0]], 200) },
    ]);
    expect(dataset.shape).toEqual([3, 3, 32, 32]);
    expect([...dataset.labels]).toEqual([6, 9, 0]);
    expect([0, 1, 2].map((n) => dataset.images[n * pixels])).toEqual([10, 11, 200]);
    expect(dataset.images[pixels - 1]).toBe(10);
    expect(dataset.classes[6]).toBe("frog");
  });

  test("planes are red, green, blue, each row-major", () => {
    const bytes = records([[1]]);
    for (let i = 0; i < pixels; i++) bytes[1 + i] = Math.floor(i / 1024);
    bytes[1 + 1024 + 32 * 2 + 5] = 77; // green, row 2, column 5
    const { images } = readCifar10([bytes]);
    expect([images[0], images[1024], images[2048]]).toEqual([0, 1, 2]);
    expect(images[(1 * 32 + 2) * 32 + 5]).toBe(77);
  });

  test("errors name the file and the record", () => {
    const bad = (bytes: Uint8Array) => () => readCifar10([{ name: "batch.bin", bytes }]);
    expect(bad(records([[1], [2]]).subarray(0, 4000))).toThrow(
      "batch.bin: truncated in record 1: it starts at offset 3073 and has 927 of 3073 bytes",
    );
    expect(bad(records([[1], [10]]))).toThrow(
      "batch.bin: record 1 has label 10, the labels go from 0 to 9 (offset 3073)",
    );
    expect(bad(new Uint8Array(0))).toThrow("batch.bin: is empty");
    expect(bad(Uint8Array.of(0x1f, 0x8b, 8, 0))).toThrow("batch.bin: not a CIFAR file: it is compressed with gzip");
    expect(bad(Uint8Array.of(0x80, 2, 0x7d))).toThrow("it is a Python pickle, of the Python version of CIFAR");
    expect(bad(new TextEncoder().encode("cifar-10-batches-bin/"))).toThrow("it is a tar archive: unpack it first");
    expect(() => readCifar10([])).toThrow("no images");
  });
});

describe("readCifar100", () => {
  const file = {
    name: "train.bin",
    bytes: records([
      [19, 99],
      [3, 42],
    ]),
  };

  test("fine and coarse labels", () => {
    expect([...readCifar100(file).labels]).toEqual([99, 42]);
    expect([...readCifar100(file, { labels: "coarse" }).labels]).toEqual([19, 3]);
    expect(readCifar100(file).images[pixels]).toBe(2);
  });

  test("errors", () => {
    expect(() => readCifar100({ name: "train.bin", bytes: records([[20, 5]]) }, { labels: "coarse" })).toThrow(
      "train.bin: record 0 has label 20, the labels go from 0 to 19 (offset 0)",
    );
    expect(() => readCifar100(file, { classes: ["one"] })).toThrow("1 class names for the 100 fine labels");
  });
});
