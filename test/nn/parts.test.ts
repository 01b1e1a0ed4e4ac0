/** What a module is made of: found in containers of every kind, named, told from constants; and what cannot be named is refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buffer, copyState, Linear, Module, parameter, Sequential } from "../../src/nn/index.ts";
import { ones, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

const rng = new Rng(0);
const layer = (): Linear => new Linear(1, 1, { bias: false, rng });
const weight = (): Tensor => parameter(ones([2]));

/** A module with the given properties. */
class Holder extends Module {
  constructor(properties: Record<string, unknown> = {}) {
    super();
    Object.assign(this, properties);
  }

  forward(x: Tensor): Tensor {
    return x;
  }
}

const namesOf = (properties: Record<string, unknown>): string[] => Object.keys(new Holder(properties).stateDict());

describe("parts are found and named", () => {
  it.each([
    ["lists, by position", { towers: [layer(), null, layer()] }, ["towers.0.weight", "towers.2.weight"]],
    [
      "lists in lists",
      { grid: [[layer()], [layer(), layer()]] },
      ["grid.0.0.weight", "grid.1.0.weight", "grid.1.1.weight"],
    ],
    ["Sets, by position", { both: new Set([layer(), layer()]) }, ["both.0.weight", "both.1.weight"]],
    ["Maps, by key as it is", { outHeads: new Map([["catDog", layer()]]) }, ["out_heads.catDog.weight"]],
    ["a property without a name, by key alone", { "": new Map([["Net.catDog", layer()]]) }, ["Net.catDog.weight"]],
    ["… and its tensors", { "": new Map([["Scale", weight()]]) }, ["Scale"]],
    ["Maps with numbers as keys", { heads: new Map([[7, layer()]]) }, ["heads.7.weight"]],
    [
      "Maps with objects as keys, by position",
      {
        heads: new Map([
          [{}, 1],
          [{}, layer()],
        ] as [object, unknown][]),
      },
      ["heads.1.weight"],
    ],
    ["plain objects, by key as it is", { heads: { aB: layer() } }, ["heads.aB.weight"]],
    ["objects without a prototype", { heads: Object.assign(Object.create(null), { a: layer() }) }, ["heads.a.weight"]],
    ["parameters in lists", { scales: [weight(), weight()] }, ["scales.0", "scales.1"]],
    ["parameters in Maps", { scales: new Map([["x", weight()]]) }, ["scales.x"]],
    [
      "everything in everything",
      { all: [new Map([["k", { deep: [new Set([layer(), weight()])] }]])] },
      ["all.0.k.deep.0.1", "all.0.k.deep.0.0.weight"],
    ],
    [
      "modules in modules in containers",
      { outer: { inner: new Holder({ list: [layer()] }) } },
      ["outer.inner.list.0.weight"],
    ],
  ] as const)("%s", (_, properties, names) => {
    expect(namesOf(properties)).toEqual(names);
  });

  it("they are trained, switched and counted like any other", () => {
    const model = new Holder({ heads: new Map([["a", [layer()]]]), scales: { s: weight() } });
    expect(model.parameterCount()).toBe(3);
    model.eval();
    expect(model.namedModules().map(([path, module]) => [path, module.training])).toEqual([
      ["", false],
      ["heads.a.0", false],
    ]);
    expect(model.toString()).toBe(
      "Holder(scales.s [2])  3 parameters\n  (heads.a.0) Linear(1 → 1, weight [1,1])  1 parameters",
    );
  });

  it("what a subclass of Sequential has besides its layers is found", () => {
    class Scaled extends Sequential {
      readonly extra: Linear = layer();
      readonly scale: Tensor = weight();
    }
    expect(Object.keys(new Scaled(layer(), layer()).stateDict())).toEqual([
      "scale",
      "0.weight",
      "1.weight",
      "extra.weight",
    ]);
  });

  it("a class that names its parts itself is asked", () => {
    class Named extends Holder {
      override namedChildren(): ReturnType<Module["namedChildren"]> {
        return [["mine", layer()]];
      }
    }
    expect(Object.keys(new Holder({ part: new Named() }).stateDict())).toEqual(["part.mine.weight"]);
  });

  it("a part or tensor in two places is saved in both, and trained once", () => {
    const [shared, t] = [layer(), weight()];
    const model = new Holder({ a: shared, b: [shared], c: t, d: { t } });
    expect(Object.keys(model.stateDict())).toEqual(["c", "d.t", "a.weight", "b.0.weight"]);
    expect(model.parameters()).toEqual([t, shared.weight]);
  });
});

describe("parameters, buffers, constants", () => {
  it("a copy of the state in a property is no part of the model", () => {
    const model = new Holder({ fc: layer() });
    const best = copyState(model);
    Object.assign(model, { best });
    expect(Object.keys(model.stateDict())).toEqual(["fc.weight"]);
    model.loadStateDict(best);
  });

  it("whatever its name", () => {
    const model = Object.defineProperty(new Holder(), "__proto__", { value: weight(), enumerable: true });
    expect(Object.keys(model.stateDict())).toEqual(["__proto__"]);
  });

  it.each([undefined, 5, [1, 2], { shape: [1], data: [1] }])("%o is neither parameter nor buffer", (value) => {
    expect(() => parameter(value as unknown as Tensor)).toThrow("parameter: a parameter must be a tensor, got");
    expect(() => buffer(value as unknown as Tensor)).toThrow("buffer: a buffer must be a tensor, got");
  });

  it("a tensor that is neither marked nor asks for gradients is a constant", () => {
    const model = new Holder({ mean: ones([3]), list: [zeros([2])], mask: buffer(zeros([1])), w: weight() });
    expect(Object.keys(model.stateDict())).toEqual(["mask", "w"]);
    expect(model.parameterCount()).toBe(2);
  });

  it("one made with requiresGrad is a parameter, and stays one when it is frozen", () => {
    const t = zeros([3], { requiresGrad: true });
    const model = new Holder({ t });
    expect(model.parameters()).toEqual([t]);
    t.requiresGrad = false;
    expect(model.namedParameters()).toEqual([["t", t]]);
    expect(Object.keys(model.stateDict())).toEqual(["t"]);
  });

  it("a tensor has the mark it was given last", () => {
    const t = weight();
    const model = new Holder({ t });
    buffer(t);
    expect([model.namedParameters().length, model.namedBuffers().length]).toEqual([0, 1]);
    parameter(t);
    expect([model.namedParameters().length, model.namedBuffers().length]).toEqual([1, 0]);
  });
});

describe("two parts of one name", () => {
  it.each([
    ["two properties", { fcA: layer(), fc_a: layer() }, '"fc_a" (fcA and fc_a)'],
    ["two parameters", { wA: weight(), w_a: weight() }, '"w_a" (wA and w_a)'],
    ["a part and a parameter", { wA: layer(), w_a: weight() }, '"w_a" (w_a and wA)'],
    ["a key and a part's part", { netA: new Map([["weight", weight()]]), net_a: layer() }, '"net_a.weight"'],
    [
      "keys with a dot",
      {
        m: new Map<string, unknown>([
          ["a.weight", weight()],
          ["a", layer()],
        ]),
      },
      '"m.a.weight"',
    ],
    [
      "a number and a string as keys",
      {
        m: new Map<unknown, unknown>([
          [1, weight()],
          ["1", weight()],
        ]),
      },
      '"m.1"',
    ],
    [
      "further down",
      { body: [new Holder({ fcA: layer(), fc_a: layer() })] },
      '"body.0.fc_a" (body.0.fcA and body.0.fc_a)',
    ],
  ] as const)("%s", (_, properties, message) => {
    const model = new Holder(properties);
    for (const look of [
      () => model.stateDict(),
      () => model.parameters(),
      () => model.namedModules(),
      () => model.eval(),
    ]) {
      expect(look).toThrow(`Holder: two parts have the name ${message}`);
    }
  });

  it("is legal where the two are one, and for constants", () => {
    const shared = layer();
    expect(namesOf({ fcA: shared, fc_a: shared })).toEqual(["fc_a.weight"]);
    expect(namesOf({ wA: ones([1]), w_a: weight() })).toEqual(["w_a"]);
  });
});

describe("a circle", () => {
  it("of parts is an error that says what to do", () => {
    const model = new Holder();
    const child = new Holder({ parent: model });
    Object.assign(model, { child });
    expect(() => model.parameters()).toThrow(
      'Holder: a circle: its part "child.parent" is the Holder itself, so its parts never end. A back reference is not a part: keep it in a #private field or a WeakRef',
    );
    expect(() => new Sequential(model).eval()).toThrow('its part "0.child.parent" is the Holder "0", which it is in');
    expect(() => model.toString()).toThrow("a circle");
  });

  it("through containers too", () => {
    const model = new Holder();
    Object.assign(model, { links: { all: [new Map([["up", model]])] } });
    expect(() => model.stateDict()).toThrow('its part "links.all.0.up" is the Holder itself');
  });

  it("of containers alone", () => {
    const list: unknown[] = [layer()];
    list.push({ list });
    expect(() => namesOf({ list })).toThrow("Holder: list.1.list is a container that contains itself");
  });

  it("a reference back in a #private field or a WeakRef is none", () => {
    class Child extends Holder {
      readonly #parent: Module;
      readonly weak: WeakRef<Module>;

      constructor(parent: Module) {
        super();
        this.#parent = parent;
        this.weak = new WeakRef(parent);
      }

      get parent(): Module {
        return this.#parent;
      }
    }
    const model = new Holder();
    const child = new Child(model);
    Object.assign(model, { child });
    expect(child.parent).toBe(model);
    expect(model.namedModules()).toHaveLength(2);
  });
});

describe("random trees", () => {
  /** What a tree is drawn from: `pool` numbers are references to shared parts. */
  type Tree =
    | { kind: "weight" | "buffer" | "constant" | "nothing" }
    | { kind: "shared"; number: number }
    | { kind: "list" | "set"; members: Tree[] }
    | { kind: "map" | "object" | "module"; members: [string, Tree][] };

  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.record({ kind: fc.constantFrom("weight", "buffer", "constant", "nothing") }),
      fc.record({ kind: fc.constant("shared"), number: fc.nat(2) }),
      fc.record({ kind: fc.constantFrom("list", "set"), members: fc.array(tie("tree"), { maxLength: 3 }) }),
      fc.record({
        kind: fc.constantFrom("map", "object", "module"),
        // Names that fall together sometimes, as properties or with their parts.
        members: fc.uniqueArray(fc.tuple(fc.constantFrom("a", "b", "aB", "a_b", "b.a", "0"), tie("tree")), {
          maxLength: 3,
          selector: ([name]) => name,
        }),
      }),
    ) as fc.Arbitrary<Tree>,
  }));

  type Value = Tensor | Module | object | null;

  /** The length that only constants have. */
  const CONSTANT = 9;

  function build(t: Tree, pool: readonly Value[]): Value {
    switch (t.kind) {
      case "weight":
        return weight();
      case "buffer":
        return buffer(zeros([1]));
      case "constant":
        return zeros([CONSTANT]);
      case "nothing":
        return null;
      case "shared":
        return pool[t.number];
      case "list":
        return t.members.map((member) => build(member, pool));
      case "set":
        return new Set(t.members.map((member) => build(member, pool)));
      case "map":
        return new Map(t.members.map(([name, member]) => [name, build(member, pool)]));
      case "object":
        return Object.fromEntries(t.members.map(([name, member]) => [name, build(member, pool)]));
      case "module":
        return new Holder(Object.fromEntries(t.members.map(([name, member]) => [name, build(member, pool)])));
    }
  }

  /** The definition: every way from the root to a module, a parameter or a buffer, named by its steps. */
  function ways(value: unknown, way: readonly string[] = []): [string, Tensor | Module][] {
    const below = (entries: Iterable<[unknown, unknown]>, step = (key: unknown): string => `${key}`) =>
      [...entries].flatMap(([key, member]) => ways(member, [...way, step(key)]));
    if (value === null || typeof value !== "object") return [];
    if (value instanceof Tensor) return value.shape[0] === CONSTANT ? [] : [[way.join("."), value]];
    if (value instanceof Map) return below(value);
    if (value instanceof Set) return below([...value].entries());
    if (value instanceof Module) {
      const property = (key: unknown): string => `${key}`.replace("aB", "a_b");
      return [[way.join("."), value], ...below(Object.entries(value), property)];
    }
    return below(Object.entries(value));
  }

  it("every part is found by the name of its way, and refused if two have one", () => {
    let refused = 0;
    let found = 0;
    const root = fc.uniqueArray(fc.tuple(fc.constantFrom("a", "aB", "a_b", "b"), tree), {
      maxLength: 4,
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(root, (members) => {
        const pool = [weight(), layer(), new Holder({ inner: [layer()] })];
        const model = build({ kind: "module", members }, pool) as Module;
        const byName = new Map<string, Tensor | Module>();
        for (const [name, part] of ways(model)) {
          if (byName.has(name) && byName.get(name) !== part) {
            refused++;
            expect(() => model.namedModules()).toThrow("two parts have the name");
            return;
          }
          byName.set(name, part);
        }
        const parts = new Map<string, unknown>([...model.namedModules(), ...Object.entries(model.stateDict())]);
        expect([...parts.keys()].sort()).toEqual([...byName.keys()].sort());
        for (const [name, part] of parts) expect(part === byName.get(name), name).toBe(true);
        const trained = new Set([...byName.values()].filter((part) => part instanceof Tensor && part.requiresGrad));
        expect(model.parameters().every((t) => trained.has(t))).toBe(true);
        expect(model.parameters()).toHaveLength(trained.size);
        found += parts.size;
      }),
      { numRuns: 500, seed: 1 },
    );
    // The trees are neither all refused nor all empty.
    expect(refused).toBeGreaterThan(10);
    expect(found).toBeGreaterThan(1000);
  });
});
