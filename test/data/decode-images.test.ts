/** Pictures of class folders as a dataset: decoded by a function of the user's. */
import { describe, expect, it } from "vitest";
import { batches, batchesFrom, decodeImages, imageFolder, type Pixels, serveBatches } from "../../src/data/index.ts";
import { fit, GlobalAvgPool2d, Linear, Sequential, SGD } from "../../src/nn/index.ts";
import { full, Rng, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";

/** Six pictures of 4×2 pixels: those of cats are dark, those of dogs bright. */
const folder = imageFolder(["cats", "dogs"].flatMap((name) => [1, 2, 3].map((n) => `${name}/${n}.png`)));
const brightness = (file: string): number => (file.startsWith("cats") ? 10 : 200) + Number(file[5]);
const decode = (file: string): Pixels => ({ width: 4, height: 2, data: new Uint8Array(24).fill(brightness(file)) });
/** `[3, 2, 4]`, one value everywhere. */
const transform = ({ data }: Pixels): Tensor =>
  tensor(
    Array.from({ length: 24 }, (_, i) => data[i] / 255),
    [3, 2, 4],
  );

describe("decodeImages", () => {
  it("keeps every picture at its place, whatever decoding takes, with its label", async () => {
    const waits = [5, 1, 3, 0, 4, 2];
    const { images, ...rest } = await decodeImages(folder, {
      decode: async (file) => {
        await new Promise((resolve) => setTimeout(resolve, 4 * waits.shift()!));
        return decode(file);
      },
      transform,
    });
    expect(rest).toEqual({
      name: "pictures",
      labels: Int32Array.of(0, 0, 0, 1, 1, 1),
      shape: [6, 3, 2, 4],
      classes: ["cats", "dogs"],
    });
    const expected = [11, 12, 13, 201, 202, 203].flatMap((v) => new Array<number>(24).fill(v / 255));
    expect(images).toEqual(Float32Array.from(expected));
  });

  it("without a transform: the middle of 224×224 pixels, values 0 … 1", async () => {
    const { shape, images } = await decodeImages(folder, { decode });
    expect(shape).toEqual([6, 3, 224, 224]);
    expect(images[0]).toBeCloseTo(11 / 255, 6);
  });

  it("decodes four files at the same time, or as many as it is told", async () => {
    const most = async (options: { concurrency?: number }): Promise<number> => {
      let [now, largest] = [0, 0];
      const slowly = async (file: string): Promise<Pixels> => {
        largest = Math.max(largest, ++now);
        await new Promise((resolve) => setTimeout(resolve, 2));
        now--;
        return decode(file);
      };
      await decodeImages(folder, { decode: slowly, transform, ...options });
      return largest;
    };
    expect([await most({}), await most({ concurrency: 1 }), await most({ concurrency: 99 })]).toEqual([4, 1, 6]);
  });

  it("is a dataset for fit, also from a worker", async () => {
    const pictures = await decodeImages(folder, { decode, transform });
    const trained = async (fromWorker: boolean): Promise<string> => {
      const rng = new Rng(1);
      const model = new Sequential(new GlobalAvgPool2d(), new Linear(3, 2, { rng }));
      const { port1, port2 } = new MessageChannel();
      serveBatches((pass) => batches(pictures, { batchSize: 2, rng: pass.rng }), port1);
      const here = batches(pictures, { batchSize: 2, rng });
      const data = (epoch: number) => (fromWorker ? batchesFrom(port2, { epoch, rng }) : here);
      const optimizer = new SGD(model.parameters(), { lr: 1 });
      const { epochs } = await fit(model, { data, optimizer, epochs: 20 });
      port1.close();
      expect(epochs[19].loss).toBeLessThan(0.5 * epochs[0].loss);
      return JSON.stringify(model.stateDict());
    };
    expect(await trained(true)).toBe(await trained(false));
  });

  it("names the picture that fails, decodes no more, and keeps the cause", async () => {
    const asked: string[] = [];
    const cause = new Error("no JPEG");
    const failing = (file: string): Pixels => {
      asked.push(file);
      if (file === "cats/2.png") throw cause;
      return decode(file);
    };
    const decoding = decodeImages(folder, { decode: failing, transform, concurrency: 1 });
    await expect(decoding).rejects.toMatchObject({
      name: "DataError",
      message: "decodeImages: cats/2.png: no JPEG",
      cause,
    });
    expect(asked).toEqual(["cats/1.png", "cats/2.png"]);
    const page = imageFolder([{ webkitRelativePath: "pets/cats/1.png" }]);
    const noPixels = decodeImages(page, { decode: () => ({ width: 2, height: 2, data: new Uint8Array(5) }) });
    await expect(noPixels).rejects.toThrow("decodeImages: pets/cats/1.png: imageToTensor: pixels.data must hold");
  });

  it("refuses what is no image of a transform", async () => {
    for (const [result, got] of [
      [zeros([2, 2, 3, 4]), "[2, 2, 3, 4]"],
      [undefined, "undefined"],
    ] as const) {
      await expect(decodeImages(folder, { decode, transform: () => result as Tensor })).rejects.toThrow(
        `decodeImages: cats/1.png: transform must return an image, a tensor [C, H, W] or [1, C, H, W], got ${got}`,
      );
    }
  });

  it("refuses pictures of several shapes, and values that look like bytes", async () => {
    const shapes = [
      [1, 3, 2, 4],
      [3, 2, 4],
      [3, 4, 2],
    ];
    const differing = decodeImages(folder, { decode, transform: () => zeros(shapes.shift()!) });
    await expect(differing).rejects.toThrow(
      "decodeImages: cats/3.png: transform must give all pictures one shape, got [3,4,2] here and [3,2,4] before",
    );
    const bytes = decodeImages(folder, { decode, transform: () => full([3, 2, 4], 200) });
    await expect(bytes).rejects.toThrow("pictures: the pixels are floats, but look like bytes from 0 to 255");
  });

  it("refuses what imageFolder does not return", async () => {
    const wrong = async (folder: object): Promise<unknown> => await decodeImages(folder as never, { decode });
    await expect(wrong({ classes: ["a"] })).rejects.toThrow(
      "decodeImages: folder must be what imageFolder returns, { classes, samples }, got an object { classes }",
    );
    await expect(wrong({ classes: [], samples: [] })).rejects.toThrow("decodeImages: no pictures");
    await expect(wrong({ classes: ["a"], samples: [{ file: "a", label: 1 }] })).rejects.toThrow(
      "decodeImages: folder.samples[0].label must be",
    );
  });
});
