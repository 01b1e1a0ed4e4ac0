/** Two copies of the library in one program, as two bundles make them: the first touch says so. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import type { Tensor } from "../../src/tensor/tensor.ts";

type Library = typeof import("../../src/index.ts");

let a: Library;
let b: Library;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "copies-"));
  const load = async (name: string): Promise<Library> => {
    const outfile = join(folder, `${name}.mjs`);
    await build({ entryPoints: ["src/index.ts"], bundle: true, format: "esm", outfile, logLevel: "error" });
    return (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as Library;
  };
  [a, b] = await Promise.all([load("a"), load("b")]);
}, 60_000);

const message = /^.*: two copies of Skipstone are loaded: this \w+ was made by another one/;

describe("a module of another copy is refused", () => {
  const model = (): InstanceType<Library["Sequential"]> => new a.Sequential(new a.Linear(2, 2, { rng: new a.Rng(0) }));

  it.each<[string, () => unknown]>([
    ["as a layer of Sequential", () => new b.Sequential(...model().layers)],
    ["as a property", () => new (holder())({ part: model() }).parameters()],
    ["in a container", () => new (holder())({ parts: new Map([["x", [model()]]]) }).eval()],
    ["by freeze", () => b.freeze(model())],
    ["by unfreeze", () => b.unfreeze(model())],
    ["by fuse", () => b.fuse(model())],
    [
      "by observe",
      () =>
        b.observe(
          model(),
          () => {},
          () => 0,
        ),
    ],
    ["by useConvAlgorithm", () => b.useConvAlgorithm(model(), "direct")],
    ["by Expansion", () => new b.Expansion(model(), { at: [1] })],
    ["by readGates", () => b.readGates(model(), b.zeros([1, 2]))],
    ["by summary", () => b.summary(model(), [2])],
  ])("%s", (_, touch) => {
    expect(touch).toThrow(message);
    expect(touch).toThrow(b.UsageError);
  });

  it("and those of one copy work together", () => {
    expect(model().forward(a.zeros([1, 2])).shape).toEqual([1, 2]);
    expect(new (holder())({ part: new b.ReLU() }).namedModules()).toHaveLength(2);
  });

  /** A module of copy b with the given properties. */
  function holder(): new (properties: object) => InstanceType<Library["Module"]> {
    return class Holder extends b.Module {
      constructor(properties: object) {
        super();
        Object.assign(this, properties);
      }

      forward(x: Tensor): Tensor {
        return x;
      }
    };
  }
});
