/** The laboratory's commands that are not experiments: a network's cost, other formats, a photograph, a certificate. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { FloatDType, RenameRule } from "../../src/io/index.ts";
import { modelNames } from "../../src/resnet/index.ts";
import { ORDERS } from "../../src/resnet/order.ts";
import { SHORTCUTS } from "../../src/resnet/shortcut.ts";
import { path, realNumber, wholeNumber } from "../arguments.ts";
import type { Answer } from "../program.ts";
import { threadsOption } from "../threads.ts";
import type { CertifyRequest } from "./certify.ts";
import type { ClassifyRequest } from "./classify.ts";
import type { ConvertRequest } from "./convert.ts";
import type { ProfileRequest } from "./profile.ts";
import type { SummaryRequest } from "./summary.ts";

/** An answer without an error. */
const said = (text: string): Answer => ({ text, exitCode: 0 });

/** One number for each channel. */
const perChannel =
  (number: (text: string) => number) =>
  (text: string): number[] =>
    text.split(",").map(number);

const networks = `The networks: ${modelNames.join(", ")}.`;

/** `from=to`, once or several times. */
function addRule(text: string, rules: readonly RenameRule[] = []): readonly RenameRule[] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("expected FROM=TO, such as head.fc.*=fc.*");
  return [...rules, [text.slice(0, at), text.slice(at + 1)]];
}

/** The options of commands that read weights. */
const KEY = new Option("--key <name>", "where the weights are in a .pth with other things: model, or ema.state_dict");
const PREFIX = new Option("--prefix <text>", "removed from the names of the weights, such as backbone.");
const RENAME = new Option(
  "--rename <from=to>",
  "other names: head.fc.*=fc.*, stage{s}.*=layer{s+1}.* (again for more rules; names of known projects are found)",
).argParser(addRule);
const SKIP_UNKNOWN = new Option("--skip-unknown", "leave out Python objects beside the weights, not refuse the file");

/** Adds `summary`, `profile`, `convert`, `classify` and `certify`. They load their code when they run. */
export function addModelCommands(program: Command, chosen: (task: () => Promise<Answer>) => void): void {
  program
    .command("summary <network>")
    .summary("layers, shapes, parameters and multiply-adds of a network")
    .description(
      `What a network costs for one example, layer by layer: one by its name, or an .onnx file.\n${networks}`,
    )
    .option("--input <shape>", "of one example, such as 3x224x224 (default: what the network was made for)")
    .option("--classes <n>", "(default: the network's own)", wholeNumber(1, 1e6).parse)
    .option("--weights <file>", "weights that must fit; they say how many classes and channels there are", path.parse)
    .addOption(KEY)
    .addOption(PREFIX)
    .addOption(RENAME)
    .addOption(SKIP_UNKNOWN)
    .helpOption("--help", "print this")
    .action((network: string, given: Partial<SummaryRequest>) => {
      chosen(async () => {
        const { summarizeNetwork } = await import("./summary.ts");
        const { input, classes, weights, ...flags } = given;
        return said(await summarizeNetwork({ ...flags, network, input, classes, weights }));
      });
    });

  program
    .command("profile <network>")
    .summary("which kernels compute a network, how long, and why not faster")
    .description(
      `Times every kernel of a network with random weights on random images, says which tier and which algorithm computed it, and writes profile.html, .svg and .json.\n${networks}`,
    )
    .option("--input <shape>", "of one example, such as 3x224x224 (default: what the network was made for)")
    .option("--classes <n>", "(default: the network's own)", wholeNumber(1, 1e6).parse)
    .option("--batch <n>", "examples (default: 8)", wholeNumber(1, 1024).parse)
    .addOption(
      new Option("--pass <name>", "a training step or a forward pass (default: training)").choices([
        "training",
        "inference",
      ]),
    )
    .addOption(new Option("--kernels <tier>", "(default: auto)").choices(["auto", "simd", "plain"]))
    .option("--out <directory>", "where the files go", path.parse, "out/profile")
    .option("--json", "prints JSON instead of text", false)
    .helpOption("--help", "print this")
    .action((network: string, given: Omit<ProfileRequest, "network">) => {
      chosen(async () => {
        const { profileNetwork } = await import("./profile.ts");
        return said(profileNetwork({ ...given, network }));
      });
    });

  program
    .command("convert <from> <to>")
    .summary("weights from any checkpoint to .safetensors, .pth, .npz or .onnx")
    .description(
      `Reads weights (PyTorch's .pth, .safetensors and their index.json, .npz, TensorFlow.js's model.json) and writes them in the format of the second file's ending: .safetensors, .pth, .npz, or, together with the network, .onnx.\n${networks}`,
    )
    .option(
      "--network <name>",
      "the network of the weights: needed for .onnx, otherwise to check them and use its names",
    )
    .addOption(KEY)
    .addOption(PREFIX)
    .addOption(RENAME)
    .addOption(SKIP_UNKNOWN)
    .option("--input <shape>", "of one example, for .onnx (default: what the network was made for)")
    .option("--fold", "fold batch norms into the convolutions before them, for .onnx", false)
    .addOption(
      new Option("--dtype <type>", "of the numbers")
        .choices(["float32", "float16", "bfloat16", "float64"] satisfies FloatDType[])
        .default("float32"),
    )
    .helpOption("--help", "print this")
    .action((from: string, to: string, given: Omit<ConvertRequest, "from" | "to">) => {
      chosen(async () => {
        const { convert } = await import("./convert.ts");
        return said(await convert({ ...given, from, to }));
      });
    });

  program
    .command("classify <image>")
    .summary("what a network sees in a picture")
    .description(
      `Shows an image to a network and prints its best guesses and the time they took.\nThe image, a PNG, JPEG, WebP, AVIF or GIF file, is resized and cropped as in torchvision.\n${networks}`,
    )
    .requiredOption("--network <name>", "which network: one by its name, or an .onnx file")
    .option("--weights <file>", "the weights of a network by its name: .pth, .safetensors, .npz", path.parse)
    .addOption(KEY)
    .addOption(PREFIX)
    .addOption(RENAME)
    .addOption(SKIP_UNKNOWN)
    .option(
      "--labels <file>",
      "names of the classes: one per line, or JSON such as id2label (default: numbers)",
      path.parse,
    )
    .option("--top <n>", "how many guesses", wholeNumber(1, 1000).parse, 5)
    .addOption(threadsOption("threads that compute"))
    .option(
      "--size <pixels>",
      "side of the image that the network sees (default: its usual size)",
      wholeNumber(1, 4096).parse,
    )
    .option(
      "--mean <list>",
      "mean of each channel's values 0…1, subtracted (default: ImageNet's)",
      perChannel(realNumber(-1e6, 1e6).parse),
    )
    .option(
      "--std <list>",
      "deviation of each channel's values, divides them (default: ImageNet's)",
      perChannel(realNumber(0, 1e6, "above").parse),
    )
    .helpOption("--help", "print this")
    .action((image: string, given: Omit<ClassifyRequest, "image">) => {
      chosen(async () => {
        const { classify } = await import("./classify.ts");
        return said(await classify({ ...given, image }));
      });
    });

  program
    .command("certify [network]")
    .summary("whether the gradient provably passes a network's skip connections")
    .description(
      `Certifies what passes along every shortcut of a network, on random images of its size, and writes certificate.json, .svg and .html. The exit code is 1 if it does not hold.\nWith --verify: checks a certificate.json from someone else against the network that it names, or that you name. The exit code is 1 if it is not valid.\n${networks}`,
    )
    .option("--weights <file>", "its weights: .pth, .safetensors, .npz (default: random ones)", path.parse)
    .addOption(KEY)
    .addOption(PREFIX)
    .addOption(RENAME)
    .addOption(SKIP_UNKNOWN)
    .addOption(
      new Option("--order <name>", "where norms and ReLUs stand (CIFAR networks)").choices(Object.keys(ORDERS)),
    )
    .addOption(new Option("--shortcut <name>", "what is added to the branches").choices(Object.keys(SHORTCUTS)))
    .option("--input <shape>", "of one example, such as 3x224x224 (default: what the network was made for)")
    .option("--classes <n>", "(default: the network's own)", wholeNumber(1, 1e6).parse)
    .option("--batch <n>", "examples (default: 2)", wholeNumber(1, 1024).parse)
    .addOption(new Option("--mode <name>", "(default: training)").choices(["training", "evaluation"]))
    .option("--seed <n>", "of weights, images and gradients (default: 0)", wholeNumber(0, 0xffffffff).parse)
    .option("--out <directory>", "where the files go", path.parse, "out/certify")
    .option("--verify <file>", "a certificate.json to check; nothing is written", path.parse)
    .option("--json", "print JSON instead of text", false)
    .helpOption("--help", "print this")
    .action((network: string | undefined, given: Omit<CertifyRequest, "network">) => {
      chosen(async () => {
        const { certifyNetwork } = await import("./certify.ts");
        return await certifyNetwork({ ...given, network });
      });
    });
}
