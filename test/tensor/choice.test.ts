/** Which tier computes: what a program asks for, what the platform can, and what is said if these differ. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "skipstone-choice-"));
beforeAll(async () => {
  await build({
    entryPoints: ["src/index.ts"],
    bundle: true,
    format: "esm",
    target: "es2022",
    outfile: join(folder, "skipstone.mjs"),
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a program in a process of its own, after `before` has changed the platform; returns what it left in `out`. */
function run(before: string, program: string): Record<string, unknown> {
  const file = join(folder, "program.mjs");
  writeFileSync(
    file,
    `const warnings = [];
console.warn = (message) => warnings.push(message);
${before};
const { useKernels, tierInUse, add, exp, noGrad, tensor } = await import("./skipstone.mjs");
const skipstone = await import("./skipstone.mjs");
const out = {};
${program}
process.stdout.write(JSON.stringify({ warnings, ...out }));`,
  );
  return JSON.parse(execFileSync(process.execPath, [file], { encoding: "utf8" })) as Record<string, unknown>;
}

/** Uses the library as one does, and notes which tier that was. */
const use = `
  out.before = tierInUse().name;
  out.y = noGrad(() => add(tensor([1, 2, 3]), tensor([10, 20, 30]))).toArray();
  out.z = noGrad(() => exp(tensor([0, 1]))).toArray();
  out.after = tierInUse().name;
  out.again = (useKernels("auto"), tierInUse().name);`;
const rightResults = { y: [11, 22, 33], z: [1, Math.fround(Math.E)], before: "auto" };

/** Platforms on which the tier is not available, and what is said then. */
const without: readonly (readonly [string, string, RegExp])[] = [
  ["no WebAssembly", "delete globalThis.WebAssembly", /this platform has no WebAssembly$/],
  ["WebAssembly without SIMD", "WebAssembly.validate = () => false", /this platform's WebAssembly has no SIMD$/],
  [
    "compiling forbidden, as by a Content-Security-Policy",
    `WebAssembly.Module = class { constructor() { throw new WebAssembly.CompileError("blocked by the policy") } }`,
    /WebAssembly cannot be used here: blocked by the policy \(a page's Content-Security-Policy has to allow 'wasm-unsafe-eval'\)$/,
  ],
  [
    "evaluation forbidden, as by another Content-Security-Policy",
    `WebAssembly.Module = class { constructor() { throw new EvalError("code generation disallowed") } }`,
    /WebAssembly cannot be used here: code generation disallowed \(a page's Content-Security-Policy has to allow 'wasm-unsafe-eval'\)$/,
  ],
  [
    "instances refused",
    `WebAssembly.Instance = class { constructor() { throw new WebAssembly.RuntimeError("no more instances") } }`,
    /WebAssembly cannot be used here: no more instances$/,
  ],
  [
    "no memory to be had",
    `WebAssembly.Memory = class { constructor() { throw new RangeError("could not allocate memory") } }`,
    /WebAssembly cannot be used here: could not allocate memory$/,
  ],
];

describe("by itself", () => {
  it("a program computes with SIMD where it can, from the first operation on, and says nothing", () => {
    expect(run("", use)).toEqual({ ...rightResults, after: "simd", again: "simd", warnings: [] });
  });

  it("importing the library compiles nothing and reserves nothing", () => {
    const before = `
      globalThis.made = [];
      for (const name of ["Memory", "Module", "Instance"]) {
        const made = WebAssembly[name];
        WebAssembly[name] = class { constructor(...args) { globalThis.made.push(name); return new made(...args); } };
      }`;
    expect(run(before, "out.made = globalThis.made; tensor([1, 2]);")).toEqual({ made: [], warnings: [] });
    expect(run(before, "add(1, 2); out.made = globalThis.made;")["made"]).toContain("Memory");
  });

  it.each(without)("%s: the plain tier takes over, with one warning", (_, before, reason) => {
    const { warnings, ...rest } = run(before, use) as { warnings: string[] };
    expect(rest).toEqual({ ...rightResults, after: "plain", again: "plain" });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^skipstone: computing with plain TypeScript kernels, which is slower: /);
    expect(warnings[0]).toMatch(reason);
  });
});

describe("a browser that compiles no more than 4 KiB at once on a page's main thread", () => {
  const refusing = `
    const { Module } = WebAssembly;
    WebAssembly.Module = class { constructor(bytes) {
      if (bytes.length > 4096) throw new RangeError("larger than 4KB: use WebAssembly.instantiate");
      return new Module(bytes);
    } };
    globalThis.background = 0;
    const { instantiate } = WebAssembly;
    WebAssembly.instantiate = (...args) => (globalThis.background++, instantiate(...args));`;
  const conv = `
    const rng = new skipstone.Rng(1);
    const [x, w] = [skipstone.randn([2, 16, 8, 8], rng), skipstone.randn([16, 16, 3, 3], rng)];
    const bits = () => Array.from(noGrad(() => skipstone.conv2d(x, w, null, { padding: 1, algorithm: "im2col" })).data);
    out.first = bits();
    await skipstone.ready();
    out.then = bits();
    out.tier = tierInUse().name;`;

  it('plain kernels compute until "ready", SIMD kernels afterwards, and nothing is said', () => {
    const { background, first, then, ...rest } = run(refusing, `${conv} out.background = globalThis.background;`);
    expect(rest).toEqual({ tier: "simd", warnings: [] });
    expect(background).toBe(1);
    const simd = run("", conv);
    expect(then).toEqual(simd["then"]);
    expect(simd["first"]).toEqual(simd["then"]);
    expect(first).toEqual(run("", `useKernels("plain"); ${conv}`)["first"]);
    expect(first).not.toEqual(then);
  });

  it.each([`async () => { throw new WebAssembly.CompileError("no"); }`, `() => { throw new RangeError("no"); }`])(
    "a compilation that fails: %s; one warning, ready resolves, and the plain kernel goes on computing",
    (fails) => {
      const { first, then, tier, warnings } = run(
        `${refusing} WebAssembly.instantiate = ${fails};`,
        `${conv} bits(); await skipstone.ready();`,
      );
      expect(then).toEqual(first);
      expect(first).toEqual(run("", `useKernels("plain"); ${conv}`)["first"]);
      expect(tier).toBe("simd");
      expect(warnings).toEqual([expect.stringMatching(/^skipstone: WebAssembly compiles no more kernels here.*: no/)]);
    },
  );
});

describe("a platform that refuses after it has compiled some kernels, as workerd does in a request", () => {
  const program = `
    const x = skipstone.randn([40, 40], new skipstone.Rng(1));
    const numbers = (f) => Array.from(noGrad(f).data);
    out.product = numbers(() => skipstone.matmul(x, x)); // compiled before
    globalThis.closed = true;
    out.again = numbers(() => skipstone.matmul(x, x));
    out.others = [0, 1, 2].map(() => numbers(() => skipstone.softmax(skipstone.tanh(x))));
    out.attempts = globalThis.attempts;
    await skipstone.ready();
    out.tier = tierInUse().name;`;
  let plain: Record<string, unknown>;
  let simd: Record<string, unknown>;
  beforeAll(() => {
    plain = run("", `useKernels("plain"); ${program}`);
    simd = run("", program);
  });

  it.each([
    ["CompileError", "Module", `new WebAssembly.CompileError("Wasm code generation disallowed by embedder")`],
    ["EvalError", "Module", `new EvalError("refused")`],
    ["RuntimeError", "Instance", `new WebAssembly.RuntimeError("refused")`],
    ["LinkError", "Instance", `new WebAssembly.LinkError("refused")`],
    ["RangeError, and in the background too", "Module", `new RangeError("refused")`],
  ])("%s", (_, name, error) => {
    const before = `
      globalThis.attempts = 0;
      const original = WebAssembly.${name};
      WebAssembly.${name} = class { constructor(...args) {
        if (!globalThis.closed) return new original(...args);
        globalThis.attempts++;
        throw ${error};
      } };
      const { instantiate } = WebAssembly;
      WebAssembly.instantiate = async (...args) => { if (globalThis.closed) throw ${error}; return instantiate(...args); };`;
    const { product, again, others, attempts, warnings, tier } = run(before, program) as {
      attempts: number;
      [key: string]: unknown;
    };
    // What is compiled goes on; the rest is the plain tier's, asked for once (a RangeError means: try in the background).
    expect([product, again]).toEqual([simd["product"], simd["product"]]);
    expect(others).toEqual(plain["others"]);
    expect(attempts).toBeLessThanOrEqual(error.includes("RangeError") ? 2 : 1);
    expect(tier).toBe("simd");
    expect(warnings).toEqual([
      expect.stringMatching(/^skipstone: WebAssembly compiles no more kernels here: plain ones compute instead.*: /),
    ]);
  });
});

describe("a memory that does not grow", () => {
  it("ordinary arrays take over: the same bits, one warning, one attempt", () => {
    const before = `
      const { Memory } = WebAssembly;
      globalThis.attempts = 0;
      WebAssembly.Memory = class {
        constructor(limits) {
          const memory = new Memory({ ...limits, initial: 16 });
          memory.grow = () => { globalThis.attempts++; throw new RangeError("failed to grow memory"); };
          return memory;
        }
      };`;
    const program = `
      const x = skipstone.randn([300, 300], new skipstone.Rng(1));
      const step = () => Array.from(noGrad(() => {
        let y = x;
        for (let i = 0; i < 9; i++) y = add(y, x);
        return y;
      }).data).filter((_, i) => i % 97 === 0);
      out.first = step();
      out.then = step();
      out.attempts = globalThis.attempts;`;
    const { first, then, attempts, warnings } = run(before, program);
    const expected = run("", program)["first"];
    expect(first).toEqual(expected);
    expect(then).toEqual(expected);
    expect(attempts).toBe(1);
    expect(warnings).toEqual([
      expect.stringMatching(/^skipstone: the system gives WebAssembly no more memory.*: failed/),
    ]);
  });
});

describe("tierInUse().arithmetic: how a·b + c is rounded", () => {
  const program = `
    // The sum over k of (1 + 2⁻¹²)² and −(1 + 2⁻¹¹): 2⁻²⁴ where nothing is lost in between.
    const a = skipstone.tensor(Array.from({ length: 32 }, () => [1 + 2 ** -12, 1]));
    const b = skipstone.tensor([Array(32).fill(1 + 2 ** -12), Array(32).fill(-(1 + 2 ** -11))]);
    const c = skipstone.tensor([Array(32).fill(-(1 + 2 ** -11)), Array(32).fill(1 + 2 ** -12)]);
    const d = skipstone.tensor(Array.from({ length: 32 }, () => [1, 1 + 2 ** -12]));
    out.products = [noGrad(() => skipstone.matmul(a, b)).data[0], noGrad(() => skipstone.matmul(d, c)).data[0]];
    out.arithmetic = tierInUse().arithmetic;`;

  it("says what the products show", () => {
    const { products, arithmetic } = run("", `useKernels("simd"); ${program}`);
    // The second product is added to −(1 + 2⁻¹¹): fused, its last term is kept.
    expect(products).toEqual([0, arithmetic === "fused" ? 2 ** -24 : 0]);
  });

  it('is "separate" where the instruction is there and does not fuse, as in JavaScriptCore', () => {
    const before = `
      const { Module, Instance } = WebAssembly;
      const sources = new WeakMap();
      const probes = (bytes) => Buffer.from(bytes).toString("latin1").includes("probe");
      WebAssembly.validate = () => true;
      WebAssembly.Module = class { constructor(bytes) {
        if (probes(bytes)) return { probe: true };
        return new Module(bytes);
      } };
      WebAssembly.Instance = class { constructor(module, imports) {
        if (module.probe) return { exports: { probe: (at) => new Float32Array(imports.env.memory.buffer, at, 4).fill(0) } };
        return new Instance(module, imports);
      } };`;
    expect(run(before, `useKernels("simd"); ${program}`)).toEqual({
      arithmetic: "separate",
      products: [0, 0],
      warnings: [],
    });
  });

  it("of the plain tier is separate", () => {
    expect(run("", `useKernels("plain"); ${program}`)).toMatchObject({ arithmetic: "separate" });
  });
});

describe("useKernels", () => {
  it.each(without)('"simd", %s: an error that says why, and nothing has changed', (_, before, reason) => {
    const out = run(
      before,
      `try { useKernels("simd"); } catch (error) { out.message = error.message; }
       out.name = tierInUse().name;
       out.y = add(1, 2).item();`,
    ) as { message: string };
    expect(out).toMatchObject({ name: "auto", y: 3 });
    expect(out.message).toMatch(/^useKernels: the SIMD tier is not available: /);
    expect(out.message).toMatch(reason);
  });

  it('"plain" computes without WebAssembly, and returns the kernels before', () => {
    const program = `
      const first = useKernels("plain");
      out.y = exp(tensor([0, 1])).toArray();
      out.names = [first.name, tierInUse().name, useKernels(first).name];`;
    expect(run("delete globalThis.WebAssembly", program)).toEqual({
      y: rightResults.z,
      names: ["auto", "plain", "plain"],
      warnings: [],
    });
  });

  it("the memory is made once, however often the tier is chosen", () => {
    const before = `
      let made = 0;
      const { Memory } = WebAssembly;
      WebAssembly.Memory = class { constructor(limits) { globalThis.made = ++made; return new Memory(limits); } };`;
    const program = `for (const tier of ["simd", "plain", "auto", "simd"]) { useKernels(tier); add(1, 2); } out.made = globalThis.made;`;
    expect(run(before, program)).toEqual({ made: 1, warnings: [] });
  });
});
