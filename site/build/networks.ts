/** A page for each network that `createModel` knows: its layers and costs by `summary`, and what `certify` says of its shortcuts. */

import { writeFileSync } from "node:fs";
import {
  certify,
  createModel,
  type ModelName,
  type Module,
  modelNames,
  Rng,
  randn,
  type Summary,
  type SummaryRow,
  summary,
  type Tensor,
} from "../../src/index.ts";
import { writePage } from "./pages.ts";
import { pages } from "./places.ts";

/** More layers than this are shown block by block. */
const FEW = 130;

/** Networks that belong together, with what they are; a name belongs to the first family that it fits. */
export const FAMILIES: readonly { readonly title: string; readonly fits: RegExp; readonly about: string }[] = [
  {
    title: "ResNet for ImageNet",
    fits: /^(resnet(18|34|50|101|152)|resnext\w+|wide_\w+)$/,
    about: "as torchvision has them, with its names of weights",
  },
  { title: "Plain twins for ImageNet", fits: /^plain(18|34)$/, about: "the same layers without shortcuts" },
  { title: "VGG", fits: /^vgg/, about: "deep without shortcuts, as torchvision has them" },
  {
    title: "ResNet for CIFAR",
    fits: /^resnet/,
    about: "three stages of 3×3 convolutions (He et al. 2015, section 4.2)",
  },
  { title: "Pre-activation", fits: /^preact/, about: "nothing after the addition (He et al. 2016)" },
  { title: "Plain twins for CIFAR", fits: /^plain/, about: "the same layers without shortcuts" },
  { title: "Highway", fits: /highway/, about: "shortcuts behind gates (Srivastava et al. 2015)" },
];

/**
 * Weights of the right size in no time: 4,096 normal numbers, again and again. The largest networks have 144 million weights, which
 * take `Rng` 15 seconds; which way a gradient goes does not depend on them.
 */
function quickInit(): (weights: Tensor) => void {
  const few = randn([4096], new Rng(0)).data.map((value) => value / 16);
  return ({ data }) => {
    for (let at = 0; at < data.length; at += few.length) data.set(few.subarray(0, data.length - at), at);
  };
}

/** Writes networks/: a page each, their table, and the list beside the pages. */
export function writeNetworks(report: (text: string) => void): void {
  const lines: { readonly name: ModelName; readonly cells: string }[] = [];
  for (const name of modelNames) {
    const { page, cells } = networkPage(name);
    writePage(`networks/${name}.md`, page);
    lines.push({ name, cells });
    report(name);
  }
  const sections = FAMILIES.map(({ title, about }, family) => {
    const own = lines.filter(({ name }) => familyOf(name) === family);
    const rows = own.map(({ name, cells }) => `| [${name}](./${name}.md) | ${cells} |`);
    return `## ${title}\n\n${about[0].toUpperCase()}${about.slice(1)}.\n\n| network | parameters | multiply-adds | skip connections |\n|---|---:|---:|---:|\n${rows.join("\n")}\n`;
  });
  writePage("networks/index.md", `# Networks\n\n${INTRODUCTION}\n\n${sections.join("\n")}`);
  const list = FAMILIES.map(({ title }, family) => ({
    text: title,
    items: modelNames
      .filter((name) => familyOf(name) === family)
      .map((name) => ({ text: name, link: `/networks/${name}` })),
  }));
  writeFileSync(
    `${pages}networks/sidebar.json`,
    JSON.stringify([{ text: "Networks", items: [{ text: "all", link: "/networks/" }] }, ...list]),
  );
}

const INTRODUCTION = `Every network that \`createModel\` makes by name. The numbers come from [summary](../api/nn/functions/summary.md), for one image
of the size that the name is for; what is said of the shortcuts comes from [certify](../api/flow/functions/certify.md), when this site was built.
[Networks in words](../docs/networks.md) has the options, the papers and how to build one's own.`;

/** Which of FAMILIES a network belongs to. */
export function familyOf(name: ModelName): number {
  return FAMILIES.findIndex(({ fits }) => fits.test(name));
}

interface Usual {
  readonly input: readonly number[];
  /** A smaller one that the network takes too, for the certificate: the way of a gradient does not depend on it. */
  readonly small: readonly number[];
  readonly classes: number;
}

/** What the papers fed to a network of this name. */
export function usualOf(name: ModelName): Usual {
  const family = familyOf(name);
  if (family < 3) return { input: [3, 224, 224], small: [3, 33, 33], classes: 1000 };
  if (/^highway/.test(name)) return { input: [784], small: [784], classes: 10 };
  return { input: [3, 32, 32], small: /^conv/.test(name) ? [3, 32, 32] : [3, 8, 8], classes: 10 };
}

function networkPage(name: ModelName): { readonly page: string; readonly cells: string } {
  const { input, small, classes } = usualOf(name);
  const model: Module = createModel(name, { classes, rng: new Rng(0), init: quickInit() } as never) as Module;
  const costs = summary(model, input);
  const certificate = certify(model, randn([1, ...small], new Rng(1)));
  const { title, about } = FAMILIES[familyOf(name)];
  const count = costs.skipConnections.count;
  const cells = [costs.parameters, costs.multiplyAdds, count].map(number).join(" | ");
  const page = `---
outline: false
---

# ${name}

${title}: ${about}.

| what | how much |
|---|---:|
| parameters | ${number(costs.parameters)} |
| multiply-adds for one ${input.length === 1 ? "example" : "image"} of ${input.join("×")} | ${number(costs.multiplyAdds)} |
| activations of one | ${bytes(costs.activationBytes)} |
| of these kept for the backward pass | ${bytes(costs.keptBytes)} |
| skip connections | ${number(count)} |
| of these, parameters and multiply-adds | ${number(costs.skipConnections.parameters)}, ${number(costs.skipConnections.multiplyAdds)} |

## What its shortcuts do to a gradient

${certificate.summary} This is what \`certify\` says of the network as it is made, in training${
    count === 0 ? "." : "; printed, its certificate says of each block why:"
  }

\`\`\`ts
console.log(\`\${certify(model, images)}\`);
\`\`\`

## Make it, and load weights

\`\`\`ts
import { createModel, loadWeights, Rng, summary } from "skipstone";

const model = createModel("${name}", { classes: ${classes}, rng: new Rng(0) });
console.log(\`\${summary(model, [${input.join(", ")}])}\`);
\`\`\`

Weights of safetensors, \`.pth\` and \`.npz\` files are read by \`readWeights\` and put in by \`loadWeights\`: [Weights and files](../docs/weights.md).
On the command line: \`npm run lab -- summary ${name}\`.

${layerTable(costs)}`;
  return { page, cells };
}

/** Layers, or blocks where there are many. */
function layerTable({ rows }: Summary): string {
  const shown = rows.length <= FEW ? rows.map(lineOf) : mergeBlocks(rows);
  const what = rows.length <= FEW ? "Layers" : "Blocks";
  const lines = shown.map(
    ({ path, kind, shape, parameters, multiplyAdds }) =>
      `| ${path === "" ? "" : `\`${path}\``} | ${kind} | ${shape} | ${number(parameters)} | ${number(multiplyAdds)} |`,
  );
  return `## ${what}\n\n| ${what === "Layers" ? "layer" : "block"} | kind | output | parameters | multiply-adds |\n|---|---|---|---:|---:|\n${lines.join("\n")}\n`;
}

interface Line {
  readonly path: string;
  readonly kind: string;
  readonly shape: string;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

function lineOf({ layer, kind, outputShape, parameters, multiplyAdds }: SummaryRow): Line {
  return { path: layer, kind, shape: outputShape.slice(1).join("×"), parameters, multiplyAdds };
}

/** A line per block; blocks that follow each other and are alike share a line. */
export function mergeBlocks(rows: readonly SummaryRow[]): Line[] {
  const blocks: (Line & { layers: number })[] = [];
  for (const row of rows) {
    const path = /^layer\d+\.\d+|^[^.]*/.exec(row.layer)![0];
    const line = lineOf(row);
    const last = blocks.at(-1);
    if (last?.path !== path) {
      blocks.push({ ...line, path, layers: 1 });
    } else {
      const sum = {
        parameters: last.parameters + line.parameters,
        multiplyAdds: last.multiplyAdds + line.multiplyAdds,
      };
      blocks[blocks.length - 1] = { ...last, ...sum, shape: line.shape, layers: last.layers + 1 };
    }
  }
  const merged: (Line & { first: string; count: number; layers: number })[] = [];
  for (const block of blocks) {
    const last = merged.at(-1);
    const alike =
      last && (["shape", "parameters", "multiplyAdds", "layers"] as const).every((key) => last[key] === block[key]);
    if (last && alike && block.layers > 1) {
      merged[merged.length - 1] = { ...last, path: block.path, count: last.count + 1 };
    } else merged.push({ ...block, first: block.path, count: 1 });
  }
  return merged.map(({ first, path, kind, shape, parameters, multiplyAdds, count, layers }) => ({
    path: count === 1 ? path : `${first} … ${path}`,
    kind: layers === 1 ? kind : count === 1 ? `block of ${layers} layers` : `${count} blocks of ${layers} layers`,
    shape,
    parameters: parameters * count,
    multiplyAdds: multiplyAdds * count,
  }));
}

const number = (value: number): string => value.toLocaleString("en-US");

function bytes(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e3).toFixed(0)} kB`;
}
