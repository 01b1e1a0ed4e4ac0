/**
 * `npm run bench -- --peers`: the same work in other libraries, each in its own process, in turns.
 *
 * The peers are in bench/peers with their own package.json, which is installed on the first run and never with
 * Skipstone. PyTorch runs in SKIPSTONE_PYTHON, or python3.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Command, Contender, compare, type Rounds } from "./contender.ts";
import { milliseconds } from "./report.ts";
import { memoryOf, pytorch, skipstone } from "./targets.ts";
import { cifarStep, comparedWorks, nameOf } from "./works.ts";

const folder = fileURLToPath(new URL("../../bench/peers", import.meta.url));
const compiler = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));

const peer = (...args: string[]): Command => ({
  command: process.execPath,
  args: [`${folder}/build/peers/${args[0]}.js`, ...args.slice(1)],
  cwd: folder,
});

const PEERS: readonly (readonly [name: string, command: Command])[] = [
  ["PyTorch", pytorch],
  ["onnxruntime-web", peer("onnxruntime")],
  ["tfjs-wasm", peer("tfjs", "wasm")],
  ["tfjs-cpu", peer("tfjs", "cpu")],
  ["jax-js", peer("jax")],
];

export const peerNames: readonly string[] = PEERS.map(([name]) => name);

export interface Present {
  /** Peers to leave out, by name. */
  readonly without: readonly string[];
  /** Seconds that a single answer may take. */
  readonly patience: number;
}

export interface Comparison {
  readonly versions: readonly string[];
  readonly head: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

/** Installs and compiles the peers, then runs the compared works whose name matches. */
export async function measurePeers(
  chosen: (name: string) => boolean,
  rounds: Rounds,
  { without, patience }: Present,
  report: (text: string) => void,
): Promise<Comparison> {
  report("installing bench/peers\n");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  execute(npm, ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
  execute(process.execPath, [compiler, "-p", "."]);

  const peers = PEERS.filter(([name]) => !without.includes(name));
  const contenders = [new Contender("Skipstone", skipstone, patience)];
  contenders.push(...peers.map(([name, command]) => new Contender(name, command, patience)));
  const versions: string[] = [];
  const lines: string[][] = [];
  try {
    for (const contender of contenders) {
      const { version, cannot } = await contender.ask({ version: true });
      versions.push(version ?? `${contender.name}: ${cannot}`);
    }
    for (const work of comparedWorks.filter((work) => chosen(nameOf(work)))) {
      const scores = await compare(
        contenders.map((contender) => ({ contender, work })),
        rounds,
      );
      const cells = scores.map(({ median, ratio, cannot }, i) => {
        if (median === undefined) return cannot?.startsWith(">") ? cannot : "cannot";
        return i === 0
          ? milliseconds(median)
          : `${milliseconds(median)}${ratio === undefined ? "" : ` (${ratioOf(ratio)})`}`;
      });
      lines.push([nameOf(work), ...cells]);
      report(`${nameOf(work)}: ${cells.join(" | ")}\n`);
      scores.forEach(({ cannot }, i) => {
        if (cannot !== undefined) report(`  ${contenders[i].name}: ${cannot}\n`);
      });
    }
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
  const memory = `peak memory of the ${nameOf(cifarStep(32))}, MB`;
  if (chosen(memory)) {
    const cells: string[] = [];
    for (const command of [skipstone, ...peers.map(([, command]) => command)]) {
      const bytes = await memoryOf(command, cifarStep(32), undefined, patience);
      cells.push(typeof bytes === "number" ? (bytes / 1e6).toFixed(0) : bytes.startsWith(">") ? bytes : "cannot");
    }
    lines.push([memory, ...cells]);
  }
  return { versions, head: ["ms (times Skipstone's)", ...contenders.map(({ name }) => name)], lines };
}

function ratioOf(ratio: number): string {
  return `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(ratio >= 1 ? 1 : 2)}×`;
}

function execute(command: string, args: readonly string[]): void {
  const { status, stderr, stdout, error } = spawnSync(command, args, { cwd: folder, encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} in bench/peers: ${stderr || stdout}`);
}
