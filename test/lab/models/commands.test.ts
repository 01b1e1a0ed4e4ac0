/** summary, convert and classify: what they print, what they write, and what they refuse. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode as encodePng } from "fast-png";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addModelCommands } from "../../../lab/models/commands.ts";
import { parseCommandLine } from "../../../lab/runner/command-line.ts";
import { softmax } from "../../../src/autograd/index.ts";
import { exportOnnx } from "../../../src/io/index.ts";
import { Conv2d, Module } from "../../../src/nn/index.ts";
import { loadWeightsFile, saveWeightsFile } from "../../../src/node/index.ts";
import { cifarResNet } from "../../../src/resnet/index.ts";
import { Rng, type Tensor, zeros } from "../../../src/tensor/index.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-models-"));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const model = cifarResNet(20, { rng: new Rng(1), classes: 3 });
beforeAll(async () => {
  await saveWeightsFile(at("resnet20.pth"), model.stateDict());
  const data = Uint8Array.from({ length: 40 * 36 * 3 }, (_, i) => (i * 37) % 256);
  writeFileSync(at("noise.png"), encodePng({ width: 40, height: 36, channels: 3, depth: 8, data }));
  writeFileSync(at("labels.txt"), "apple\npear\nplum\n");
  mkdirSync(at("directory.pth"));
});

/** What the command line prints. */
async function run(...args: string[]): Promise<string> {
  const request = parseCommandLine(args, "0.0.0", { experiments: [], addCommands: addModelCommands });
  if (request.kind !== "other") throw new Error(`a request of kind ${request.kind}`);
  return (await request.task()).text;
}

describe("summary", () => {
  it("ResNet-18: 11,689,512 parameters, 1.8 GMAC", async () => {
    const text = await run("summary", "resnet18");
    expect(text).toMatch(/^total +11,689,512 +1,814,073,344 /m);
    expect(text).toContain("skip connections: 8, with 173,824 parameters and 19,267,584 multiply-adds");
  });

  it("another input and other classes", async () => {
    const text = await run("summary", "resnet20", "--input", "1x16x16", "--classes", "5");
    expect(text).toMatch(/^conv1 +Conv2d +\[1,16,16,16\] +144 /m);
    expect(text).toMatch(/^fc +Linear +\[1,5\] +325 /m);
  });

  it("a network in an .onnx file, which needs --input where the file says no size", async () => {
    writeFileSync(at("net.onnx"), exportOnnx(model, { inputShape: [3, 32, 32] }));
    const text = await run("summary", at("net.onnx"), "--input", "3x32x32");
    expect(text).toMatch(/^layer1\.0\.conv1 +Conv2d +\[1,16,32,32\] +2,304 /m);
    expect(await run("summary", at("net.onnx"))).toBe(text);
    writeFileSync(at("any.onnx"), exportOnnx(model, { inputShape: [3, 32, 32], dynamicSize: true }));
    await expect(run("summary", at("any.onnx"))).rejects.toThrow(
      "give the shape of one example, as in --input 3x224x224",
    );
    await expect(run("summary", at("net.onnx"), "--input", "1x9x9")).rejects.toThrow(
      'importOnnx: input "input" must be [any,3,32,32], got [1,1,9,9]',
    );
    await expect(run("summary", at("none.onnx"))).rejects.toThrow(/^cannot read the network /);
  });

  it("takes the input of a network that has no channels", async () => {
    expect(await run("summary", "highway10", "--input", "1x28x28")).toMatch(/total +85,660 /);
  });

  it("refuses networks and shapes that there are not", async () => {
    await expect(run("summary", "resnet19")).rejects.toThrow(/^no network is called "resnet19"; there are resnet18, /);
    await expect(run("summary", "resnet20", "--input", "3x-2x2")).rejects.toThrow(
      '--input "3x-2x2": expected lengths with an x between them, such as 3x224x224',
    );
    await expect(run("summary", "vgg11", "--input", "3x8x8")).rejects.toThrow(/^--input 3x8x8: /);
  });
});

describe("convert", () => {
  it(".pth to .safetensors and back: the same numbers", async () => {
    const text = await run("convert", at("resnet20.pth"), at("a.safetensors"), "--network", "resnet20");
    expect(text).toBe(
      `${at("a.safetensors")}: ${Object.keys(model.stateDict()).length} tensors, ${(269267 + 1376 + 19).toLocaleString("en-US")} numbers, ${statSync(at("a.safetensors")).size.toLocaleString("en-US")} bytes`,
    );
    await run("convert", at("a.safetensors"), at("b.pth"));
    const state = await loadWeightsFile(at("b.pth"));
    for (const [name, t] of Object.entries(model.stateDict())) expect(state[name].data, name).toEqual(t.data);
  });

  it("--dtype float16 halves the file", async () => {
    await run("convert", at("resnet20.pth"), at("half.safetensors"), "--dtype", "float16");
    await run("convert", at("resnet20.pth"), at("whole.safetensors"));
    expect(statSync(at("half.safetensors")).size / statSync(at("whole.safetensors")).size).toBeCloseTo(0.5, 1);
  });

  it("to .onnx, with and without batch norm", async () => {
    const text = await run("convert", at("resnet20.pth"), at("a.onnx"), "--network", "resnet20");
    expect(text).toMatch(/a\.onnx: resnet20, [\d,]+ bytes$/);
    await run("convert", at("resnet20.pth"), at("folded.onnx"), "--network", "resnet20", "--fold");
    const names = (file: string): string => readFileSync(at(file), "latin1");
    expect(names("a.onnx")).toContain("BatchNormalization");
    expect(names("folded.onnx")).not.toContain("BatchNormalization");
    expect(names("folded.onnx")).toContain("layer3.2.conv2");
  });

  const refused: [string, string[], string | RegExp][] = [
    [
      "an ending that is not known",
      ["a.pth", "a.zip"],
      "cannot tell the format of a.zip: expected .safetensors, .pth, .pt, .npz or .onnx",
    ],
    ["ONNX without a network", ["a.pth", "a.onnx"], "an .onnx file also contains the network: name it with --network"],
    ["ONNX in half precision", ["a.pth", "a.onnx", "--network", "resnet20", "--dtype", "float16"], /float32 only$/],
    [
      "--fold without ONNX",
      ["a.pth", "a.safetensors", "--fold"],
      "--input and --fold are for .onnx files, not for .safetensors",
    ],
    ["no such file", [at("nothing.pth"), at("x.pth")], /^cannot read the weights .*nothing\.pth: no such file/],
    [
      "a file that is something else",
      [at("labels.txt"), at("x.pth")],
      /labels\.txt: neither safetensors nor \.pth, \.npz or \.npy/,
    ],
    [
      "weights of another network",
      [at("resnet20.pth"), at("x.pth"), "--network", "resnet32"],
      /^the weights are not those of resnet32: [\s\S]*missing \(\d+\): (\S+, ){5}…$/,
    ],
    [
      "a directory in its place",
      [at("resnet20.pth"), at("directory.pth")],
      /^cannot write .*directory\.pth: is a directory$/,
    ],
    ["no such folder", [at("resnet20.pth"), at("no/x.pth")], /^cannot write .*x\.pth: no such file or directory/],
  ];
  it.each(refused)("refuses %s, and writes nothing", async (_, args, message) => {
    await expect(run("convert", ...args)).rejects.toThrow(message);
    expect(existsSync(at("x.pth"))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("classify", () => {
  it("names the best guesses, whose probabilities fall, and the time", async () => {
    const args = ["--network", "resnet20", "--weights", at("resnet20.pth"), "--labels", at("labels.txt")];
    const lines = (await run("classify", at("noise.png"), ...args)).split("\n");
    expect(lines).toHaveLength(4);
    const guesses = lines.slice(0, 3).map((line) => /^ *([\d.]+) % {2}(apple|pear|plum)$/.exec(line)!);
    const shares = guesses.map(([, share]) => Number(share));
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);
    expect(new Set(guesses.map(([, , name]) => name)).size).toBe(3);
    expect(lines[3]).toMatch(
      /^resnet20, 269,267 parameters: \d+ ms to load, \d+ ms for the first prediction, [\d.]+ ms for the next, on (one thread|\d+ threads)$/,
    );
  });

  it("--threads: on as many, with the same answer", async () => {
    const classify = (...how: string[]) => run("classify", at("noise.png"), ...network, "--top", "3", ...how);
    const [one, two] = [await classify("--threads", "1"), await classify("--threads", "2")];
    expect(one).toMatch(/, on one thread$/);
    expect(two).toMatch(/, on 2 threads$/);
    expect(two.split("\n").slice(0, 3)).toEqual(one.split("\n").slice(0, 3));
    for (const wrong of ["0", "two", "1000"]) {
      await expect(classify("--threads", wrong)).rejects.toThrow(
        `option '--threads <n>' argument '${wrong}' is invalid. expected a whole number from 1 to 256`,
      );
    }
  });

  const network = ["--network", "resnet20", "--weights", at("resnet20.pth")];

  it.each([
    ["list.json", '["apple","pear","plum"]'],
    ["mark.json", '\ufeff["apple","pear","plum"]'],
    ["mark.txt", "\ufeffapple\r\npear\r\nplum\r\n"],
    ["object.json", '{"1":"pear","0":"apple","2":"plum"}'],
    ["imagenet.json", '{"0":["n01","apple"],"1":["n02","pear"],"2":["n03","plum"]}'],
    ["config.json", '{"model_type":"resnet","id2label":{"0":"apple","1":"pear","2":"plum"}}'],
    ["class_to_idx.json", '{"plum":2,"apple":0,"pear":1}'],
  ])("labels: %s", async (name, text) => {
    writeFileSync(at(name), text);
    writeFileSync(at("utf16"), Buffer.from(text.startsWith("\ufeff") ? text : `\ufeff${text}`, "utf16le"));
    const guesses = async (labels: string) =>
      (await run("classify", at("noise.png"), ...network, "--labels", at(labels))).split("\n").slice(0, 3);
    const expected = await guesses("labels.txt");
    expect(await guesses(name)).toEqual(expected);
    expect(await guesses("utf16")).toEqual(expected);
  });

  it.each([
    ['{"0":"apple","2":"plum","3":"pear"}', /have 3 entries, but none with the number 1$/],
    ['{"0":"apple","1":5,"2":"plum"}', /class 1 is 5$/],
    ["[apple]", /begin with \[ but are not JSON: /],
  ])("refuses the labels %s", async (text, message) => {
    writeFileSync(at("wrong.json"), text);
    await expect(run("classify", at("noise.png"), ...network, "--labels", at("wrong.json"))).rejects.toThrow(message);
  });

  it("a network in an .onnx file, with the answers of the one by name, whether or not it ends with a softmax", async () => {
    const guesses = async (...args: string[]) =>
      (await run("classify", at("noise.png"), "--labels", at("labels.txt"), ...args)).split("\n");
    const expected = (await guesses(...network)).slice(0, 3);
    class Probabilities extends Module {
      readonly model = model;
      forward(x: Tensor): Tensor {
        return softmax(this.model.forward(x), 1);
      }
    }
    const options = { inputShape: [3, 32, 32] };
    writeFileSync(at("net.onnx"), exportOnnx(model, options));
    writeFileSync(at("fixed.onnx"), exportOnnx(model, { example: zeros([2, 3, 32, 32]), dynamicBatch: false }));
    writeFileSync(at("any.onnx"), exportOnnx(model, { ...options, dynamicSize: true }));
    writeFileSync(at("soft.onnx"), exportOnnx(new Probabilities(), options));
    for (const name of ["net", "fixed", "soft"]) {
      const lines = await guesses("--network", at(`${name}.onnx`));
      expect(lines.slice(0, 3)).toEqual(expected);
      expect(lines[3]).toMatch(/\.onnx, 269,\d+ parameters: /);
    }
    expect((await guesses("--network", at("any.onnx"), "--size", "32")).slice(0, 3)).toEqual(expected);
    await expect(guesses("--network", at("any.onnx"))).rejects.toThrow(
      /takes images of every size: give one with --size$/,
    );
    writeFileSync(at("pixels.onnx"), exportOnnx(new Conv2d(3, 2, 3, { rng: new Rng(0) }), options));
    await expect(guesses("--network", at("pixels.onnx"))).rejects.toThrow(
      "the network answers [1,2,30,30], which is not one number for each class",
    );
    await expect(run("certify", at("net.onnx"))).rejects.toThrow(
      "net.onnx: only summary and classify take .onnx files, this command networks by name",
    );
    await expect(guesses("--network", at("net.onnx"), "--size", "64")).rejects.toThrow(
      /takes images of 32x32, but classify makes them 64x64$/,
    );
    await expect(guesses("--network", at("net.onnx"), "--weights", at("resnet20.pth"))).rejects.toThrow(
      "--weights is for networks by name, not for .onnx files",
    );
    await expect(guesses("--network", "resnet20")).rejects.toThrow(
      "resnet20: name the file of its weights with --weights",
    );
  });

  it("one output: its sigmoid, and what is left for the other class", async () => {
    const one = cifarResNet(20, { rng: new Rng(1), classes: 1 });
    one.fc.weight.data.fill(0);
    one.fc.bias!.data[0] = 1;
    await saveWeightsFile(at("one.pth"), one.stateDict());
    const text = await run("classify", at("noise.png"), "--network", "resnet20", "--weights", at("one.pth"));
    expect(text.split("\n").slice(0, 2)).toEqual([" 73.1 %  class 1", " 26.9 %  class 0"]);
  });

  it("refuses weights that are not finite, and answers that are not", async () => {
    const state = model.stateDict();
    const changed = (name: string, value: number) => {
      const copy = state[name].clone();
      copy.data[2] = value;
      return { ...state, [name]: copy };
    };
    const answer = (name: string) => run("classify", at("noise.png"), "--network", "resnet20", "--weights", at(name));
    await saveWeightsFile(at("nan.pth"), changed("layer1.0.conv1.weight", Number.NaN));
    await expect(answer("nan.pth")).rejects.toThrow(
      /nan\.pth are not finite: number 2 of layer1\.0\.conv1\.weight is NaN$/,
    );
    await saveWeightsFile(at("large.pth"), changed("bn1.weight", 3e38));
    await expect(answer("large.pth")).rejects.toThrow(/^resnet20 answers NaN, NaN, NaN …: its numbers overflow$/);
    await expect(run("classify", at("noise.png"), ...network, "--std", "1e-40,1,1")).rejects.toThrow(
      /^the normalised image is not finite: --mean and --std /,
    );
  });

  it("a picture that lies on its side is turned, and that is said", async () => {
    const upright = await sharp(at("noise.png")).rotate(90).png().toBuffer();
    writeFileSync(at("upright.png"), upright);
    writeFileSync(at("turned.png"), await sharp(at("noise.png")).withMetadata({ orientation: 6 }).png().toBuffer());
    const [said, ...guesses] = (await run("classify", at("turned.png"), ...network)).split("\n");
    expect(said).toBe("The picture was turned upright, as its EXIF orientation 6 says.");
    expect(guesses.slice(0, 3)).toEqual((await run("classify", at("upright.png"), ...network)).split("\n").slice(0, 3));
  });

  it("refuses labels that are too few, a picture that is none, numbers per channel that do not fit", async () => {
    const args = ["--network", "resnet20", "--weights", at("resnet20.pth")];
    writeFileSync(at("few.json"), '["one"]');
    await expect(run("classify", at("noise.png"), ...args, "--labels", at("few.json"))).rejects.toThrow(
      /few\.json name 1 classes, the network has 3$/,
    );
    await expect(run("classify", at("labels.txt"), ...args)).rejects.toThrow(
      /is no PNG, JPEG, WebP, AVIF or GIF file$/,
    );
    await expect(run("classify", at("noise.png"), ...args, "--mean", "0.5")).rejects.toThrow(
      "--mean 0.5: the network's images have 3 channels",
    );
  });
});
