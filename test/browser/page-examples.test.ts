/** The page examples of the site, as `buildExamples` makes them, in real browsers: Chromium and Firefox. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readNames } from "../../examples/classify-in-a-page/names.ts";
import { classify, gradCam, networkFor, networkNameOf } from "../../examples/classify-in-a-page/network.ts";
import { buildExamples, examplesPage, pageExamples } from "../../site/build/examples.ts";
import {
  createModel,
  imageToTensor,
  indexSelect,
  loadWeights,
  type ModelName,
  type ModelOptions,
  mul,
  Rng,
  randn,
  relu,
  reshape,
  sum,
  tensor,
  writePth,
  writeSafetensors,
} from "../../src/index.ts";
import { findBrowser, visit } from "./browser.ts";

const folder = mkdtempSync(join(tmpdir(), "skipstone-examples-"));
const files = new Map<string, Uint8Array>();
const [WIDTH, HEIGHT] = [300, 260];

/** A picture with a bright disk in one corner: nothing in it is the same everywhere. */
function photograph(): { width: number; height: number; data: Uint8Array } {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    const inside = Math.hypot(x - 90, y - 80) < 40;
    data.set(inside ? [250, 220, 40] : [(x * 255) / WIDTH, (y * 255) / HEIGHT, (x ^ y) & 127], 3 * i);
  }
  return { width: WIDTH, height: HEIGHT, data };
}

beforeAll(async () => {
  await buildExamples(folder);
  files.set("photograph.png", encode({ ...photograph(), channels: 3, depth: 8 }));
  files.set("broken.png", Uint8Array.of(1, 2, 3));
  const rng = new Rng(3);
  const small = createModel("resnet20", { classes: 10, rng });
  files.set("weights.safetensors", writeSafetensors(small.stateDict()));
  const wrapped = Object.entries(createModel("resnet18", { classes: 1000, rng }).stateDict());
  files.set("resnet18.pth", writePth(Object.fromEntries(wrapped.map(([name, t]) => [`module.${name}`, t]))));
  files.set("other.safetensors", writeSafetensors({ "embedding.weight": tensor([[1, 2]]) }));
  files.set("no-weights.pth", Uint8Array.of(1, 2, 3));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The site's files; beside the photograph's page also those of this test. */
function serve(address: string): string | Uint8Array | undefined {
  const path = address.endsWith("/") ? `${address}index.html` : address;
  const own = /^\/examples\/classify-in-a-page\/([\w-]+\.(?:png|pth|safetensors))$/.exec(path);
  if (own) return files.get(own[1]);
  if (path.includes("/digits/")) return readFileSync(join(folder, path));
  try {
    return readFileSync(join(folder, path), "utf8");
  } catch {
    return undefined;
  }
}

test("every kind of network is found by the names of its weights", () => {
  const names: ModelName[] = ["resnet18", "resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "resnet110"];
  for (const name of [...names, "vgg11", "vgg16_bn"] as ModelName[]) {
    const model = createModel(name, { classes: 5, rng: new Rng(0), init: () => {} } as ModelOptions<ModelName>);
    expect(networkNameOf(model.stateDict())).toBe(name);
  }
  expect(networkNameOf({ w: tensor([1]) })).toBeUndefined();
});

test("the map of a network that ends with a mean and a matrix is the class's row of the matrix times the feature maps", () => {
  const model = createModel("resnet20", { classes: 10, rng: new Rng(3) });
  const network = networkFor(model.stateDict());
  const x = randn([1, 3, 32, 32], new Rng(4));
  const [{ label }] = classify(network, x);
  const A = model
    .eval()
    .layer3.forward(model.layer2.forward(model.layer1.forward(relu(model.bn1!.forward(model.conv1.forward(x))))));
  const w = reshape(indexSelect(model.fc.weight, 0, [label]), [1, 64, 1, 1]);
  const map = relu(sum(mul(A, w), 1)).data;
  const { rows } = gradCam(network, x, label);
  const peak = Math.max(...map);
  expect(peak).toBeGreaterThan(0);
  rows.flat().forEach((value, i) => {
    expect(value).toBeCloseTo(map[i] / peak, 4);
  });
});

test("names of classes: lines, a list, id2label, ImageNet's numbers and names", () => {
  const names = ["tench", "goldfish"];
  for (const text of ["tench\ngoldfish\n", '["tench", "goldfish"]', '{"id2label": {"1": "goldfish", "0": "tench"}}']) {
    expect(readNames(text, 2)).toEqual(names);
  }
  expect(readNames('{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}', 2)).toEqual(names);
  expect(() => readNames("tench", 2)).toThrow("The file of names has 1 of them, the network 2 classes.");
  expect(() => readNames("[tench", 2)).toThrow("begins like JSON, but is none");
});

test("weights that do not fit are refused in words", () => {
  const state = createModel("resnet20", { classes: 10, rng: new Rng(3) }).stateDict();
  expect(() => networkFor(state, "resnet18")).toThrow(/^These weights are not those of resnet18: /);
  const gray = createModel("resnet20", { inChannels: 1, rng: new Rng(3) }).stateDict();
  expect(() => networkFor(gray)).toThrow("This network's pictures have 1 channels; a photograph has 3.");
});

test("the index has a line for each example", () => {
  for (const { name, title } of pageExamples) {
    expect(examplesPage()).toContain(`<a href="./examples/${name}/index.html" target="_self">${title}</a>`);
    const page = serve(`/examples/${name}/`) as string;
    expect(page).toContain('src="./main.js"');
    expect(page).not.toMatch(/\.\.\/\.\.|npm run/);
  }
});

test("the fifteen lines in the page are those of examples/train-in-15-lines.ts but for the reading", () => {
  const ours = /<textarea[^>]*>\n(.*?)<\/textarea>/s.exec(
    serve("/examples/train-in-15-lines-in-a-page/") as string,
  )![1];
  const rest = (text: string): string => text.slice(text.indexOf("const rng"));
  expect(rest(ours)).toBe(rest(readFileSync("examples/train-in-15-lines.ts", "utf8")));
  expect(ours.trim().split("\n")).toHaveLength(15);
});

describe.each(["chromium", "firefox"] as const)("%s", (kind) => {
  const browser = findBrowser(kind);
  const at = (path: string, seconds = 120): Promise<Document> => visit(browser!, serve, { path, seconds });

  describe.skipIf(!browser)("is there", () => {
    test.each([
      ["weights.safetensors", "resnet20"],
      ["resnet18.pth", "resnet18"],
    ])("classify-in-a-page with %s: the answers and the map that Node gives", async (file, name) => {
      const network = networkFor(await loadWeights(files.get(file)!));
      expect(network.name).toBe(name);
      const x = imageToTensor(photograph(), network.preprocessing);
      const answers = classify(network, x);
      const { rows } = gradCam(network, x, answers[0].label);

      const way = name === "resnet18" ? "drop" : "choose";
      const document = await at(`/examples/classify-in-a-page/#${way}=photograph.png,${file}`);
      expect(document.querySelector("#status")!.textContent).toMatch(new RegExp(`^${name} answered in \\d+ ms\\.$`));
      const found = [...document.querySelectorAll<HTMLElement>(".answer")];
      expect(found.map((row) => Number(row.dataset["label"]))).toEqual(answers.map(({ label }) => label));
      found.forEach((row, i) => {
        expect(Number(row.dataset["probability"])).toBeCloseTo(answers[i].probability, 4);
        expect(row.querySelector(".share")!.textContent).toMatch(/^\d+\.\d %$/);
      });
      const theirs = JSON.parse(document.querySelector<HTMLElement>("#picture")!.dataset["heat"]!) as number[][];
      expect(theirs.length).toBe(rows.length);
      rows.flat().forEach((value, i) => {
        expect(theirs.flat()[i]).toBeCloseTo(value, 3);
      });
    });

    test.each([
      [
        "photograph.png,other.safetensors",
        "These weights are of no network I know by their names (embedding.weight …).",
      ],
      ["photograph.png,no-weights.pth", "no-weights.pth: "],
      ["broken.png,weights.safetensors", "broken.png is no picture that this browser can read."],
    ])("classify-in-a-page says what is wrong with %s", async (tried, words) => {
      const document = await at(`/examples/classify-in-a-page/#drop=${tried}`);
      const status = document.querySelector("#status")!;
      expect(status.textContent).toContain(words);
      expect(status.className).toBe("error");
    });

    test("train-and-keep-in-a-page: stopped and reloaded twice, it ends trained", async () => {
      const document = await at("/examples/train-and-keep-in-a-page/#reloads=2");
      expect(document.querySelector("#status")!.textContent).toMatch(/^All 200 steps are done: (9\d|100)\.\d % of 300/);
      // Where the last life began: after the steps of the first two.
      expect(Number(document.body.dataset["found"])).toBeGreaterThanOrEqual(50);
      expect(document.querySelector<HTMLAnchorElement>("#weights")!.hidden).toBe(false);
    });

    test("train-in-15-lines-in-a-page prints its line", async () => {
      const document = await at("/examples/train-in-15-lines-in-a-page/#run", 300);
      const printed = document.querySelector("#output")!.textContent!;
      expect(printed).toMatch(/^\d+\.\d % of 1,000 unseen digits read correctly\n$/);
      expect(Number.parseFloat(printed)).toBeGreaterThan(90);
    }, 310_000);

    test.each(["in-a-page", "in-a-worker", "onnx-in-a-page"])("%s works as the site has it", async (name) => {
      const document = await at(`/examples/${name}/`);
      expect(document.querySelector("#status")!.textContent).toMatch(/^(Step 100 of 100|Done: \d+|Made a file of \d+)/);
    });
  });
});
