/** Checkpoints as training programs write them: weights among other things. make_checkpoints.py made the files. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FormatError, openPth, readPth, type WeightFile, writePth } from "../../../src/io/index.ts";
import { zipChunks } from "../../../src/io/zip/write.ts";
import { Conv2d, Sequential } from "../../../src/nn/index.ts";
import { Rng } from "../../../src/tensor/index.ts";
import { type ExpectedTensor, goldenFile, goldenJson } from "../files.ts";

interface Expected {
  readonly ignored: readonly string[];
  readonly tensors: Record<string, ExpectedTensor>;
}

const { files } = goldenJson<{ files: Record<string, Expected> }>("pth/checkpoints.json");

function expectWeights(file: WeightFile, { tensors, ignored }: Expected): void {
  expect([...file.entries.keys()]).toEqual(Object.keys(tensors));
  for (const [name, { dtype, shape, values }] of Object.entries(tensors)) {
    const stored = file.stored(name);
    expect([stored.dtype, stored.shape], name).toEqual([dtype, shape]);
    expect(Array.from(stored.values, Number), name).toEqual(values!.map(Number));
  }
  expect(file.ignored).toEqual(ignored);
}

describe("weights among other things", () => {
  test.each([
    ["script.pth", ["argparse.Namespace", "pathlib.PosixPath", "numpy.core.multiarray.scalar"]],
    ["script_legacy.pth", ["argparse.Namespace", "numpy.dtype"]],
    ["script_protocol4.pth", ["argparse.Namespace", "numpy.core.multiarray._reconstruct"]],
    ["script_protocol5.pth", ["argparse.Namespace", "builtins.complex"]],
    ["torchvision_reference.pth", ["argparse.Namespace", "__builtin__.set"]],
    [
      "lightning.ckpt.pth",
      [
        "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
        "pytorch_lightning.utilities.parsing.AttributeDict",
      ],
    ],
    ["foreign_types.pth", ["torch.QInt8Storage", "torch.ComplexFloatStorage", "torch._utils._rebuild_sparse_tensor"]],
    ["foreign_types_legacy.pth", ["torch.QInt8Storage", "torch.ComplexFloatStorage"]],
  ])(
    "%s: refused by name, with the option that leaves them out; then all weights, and what was left out",
    (name, left) => {
      const bytes = goldenFile(name);
      expect(() => readPth(bytes, { name })).toThrow(FormatError);
      expect(() => readPth(bytes, { name })).toThrow(
        /^\S+: .+ may not be loaded: only tensors and plain containers may\. unknownObjects: "skip" leaves out what else/,
      );
      const file = readPth(bytes, { name, unknownObjects: "skip" });
      expectWeights(file, files[name]);
      expect(file.leftOut).toEqual(expect.arrayContaining(left));
      expect(new Set(file.leftOut).size).toBe(file.leftOut.length);
    },
  );

  test("a program among them does not run", async () => {
    const file = await openPth(goldenFile("evil_beside.pth"), { unknownObjects: "skip" });
    expect(file.leftOut).toEqual(["posix.system"]);
    expect(Object.keys(await file.stateDict())).toEqual(Object.keys(files["evil_beside.pth"].tensors));
    expect(existsSync("/tmp/skipstone-was-here")).toBe(false);
  });

  test("the numbers beside them are metadata, key chooses", () => {
    const file = readPth(goldenFile("torchvision_reference.pth"), { unknownObjects: "skip", key: "model_ema" });
    expect(file.metadata.get("epoch")).toBe("7");
    expect([...file.entries.keys()][0]).toBe("n_averaged");
    expect(readPth(goldenFile("lightning.ckpt.pth"), { unknownObjects: "skip" }).metadata.get("global_step")).toBe(
      "100",
    );
  });
});

test("Python's own pickles, such as CIFAR's, are called so, and not run", () => {
  // pickle.dump({b"data": numpy.zeros(…)}, file, protocol=2): a global comes first.
  const cifar = "\x80\x02}q\x00(c_codecs\nencode\nq\x01X\x04\x00\x00\x00data".padEnd(64, "\0");
  for (const options of [{}, { unknownObjects: "skip" }] as const) {
    expect(() =>
      readPth(
        Uint8Array.from(cifar, (c) => c.charCodeAt(0)),
        options,
      ),
    ).toThrow(
      "weights: a pickle, but not from torch.save: weights are saved by torch.save(model.state_dict(), path), or as .npz",
    );
  }
});

test("a whole model is called so; no option would help", () => {
  // torch.save(torch.nn.Identity(), path): its class comes before anything else.
  const pickle = "\x80\x02ctorch.nn.modules.linear\nIdentity\nq\x00)\x81.";
  const archive = zipChunks([{ name: "model/data.pkl", bytes: Uint8Array.from(pickle, (c) => c.charCodeAt(0)) }]);
  expect(() => readPth(Uint8Array.from(Buffer.concat([...archive])))).toThrow(
    /"torch\.nn\.modules\.linear\.Identity" may not be loaded: .* perhaps a whole model: torch\.save\(model\.state_dict\(\), path\) saves its weights$/,
  );
});

describe("deflated archives", () => {
  test.each(["deflated.pth", "deflated_fast.pth"])("%s: every tensor, a view in the middle too", async (name) => {
    expectWeights(readPth(goldenFile(name)), files[name]);
    const lazily = await openPth(goldenFile(name));
    expect((await lazily.tensor("column")).toArray()).toEqual(files[name].tensors["column"].values!.map(Number));
  });

  test("damage to the compressed bytes is found", () => {
    const bytes = Uint8Array.from(goldenFile("deflated.pth"));
    const at = Buffer.from(bytes).indexOf("data.pkl") + 20;
    bytes[at] ^= 0xff;
    expect(() => readPth(bytes, { name: "x" })).toThrow(/^x: corrupt zip archive: "archive\/data.pkl": /);
  });

  test("one that expands to more than 100 times its size is refused before anything is expanded", () => {
    const bytes = Uint8Array.from(goldenFile("deflated.pth"));
    const record = Buffer.from(bytes).lastIndexOf("PK\x01\x02", undefined, "latin1");
    new DataView(bytes.buffer).setUint32(record + 24, 500_000_000, true);
    expect(() => readPth(bytes, { name: "x" })).toThrow(
      /^x: the zip archive expands to 500\d{6} bytes, more than 100 times the \d+ of the file$/,
    );
  });
});

test("a TorchScript file says what it is, and how to get its weights", () => {
  expect(() => readPth(goldenFile("torchscript.pth"), { name: "x" })).toThrow(
    "x: a TorchScript program (torch.jit.save), not a state dict. In Python, torch.save(torch.jit.load(path).state_dict(), new_path) writes its weights",
  );
});

describe("one tensor under several names", () => {
  test.each(["tied.pth", "tied_legacy.pth"])("%s: read once, and one tensor in the state dict", (name) => {
    const file = readPth(goldenFile(name));
    expectWeights(file, files[name]);
    const state = file.stateDict();
    for (let i = 1; i < 8; i++) expect(state[`${i}.weight`]).toBe(state["0.weight"]);
    expect(state["transposed"]).not.toBe(state["0.weight"]);
  });

  test("one convolution 8 times in a network, written and read again: the file holds it once", () => {
    const conv = new Conv2d(16, 16, 3, { rng: new Rng(0) });
    const net = new Sequential(...Array.from({ length: 8 }, () => conv));
    const bytes = writePth(net.stateDict());
    expect(bytes.length).toBeLessThan(2 * 4 * conv.weight.size);
    const state = readPth(bytes).stateDict();
    expect(Object.keys(state)).toEqual(Object.keys(net.stateDict()));
    expect(state["7.weight"].data).toEqual(conv.weight.data);
    expect(writePth(state)).toEqual(bytes);
    expect(net.loadStateDict(state)).toEqual({ missing: [], unexpected: [] });
  });
});
