import { describe, expect, test } from "vitest";
import { FormatError } from "../../../src/io/index.ts";
import { unpickle } from "../../../src/io/pth/pickle.ts";
import { PickleEnd } from "../../../src/io/pth/pickle-cursor.ts";
import { PickleWriter } from "../../../src/io/pth/pickle-writer.ts";
import { type Pickled, SKIPPED } from "../../../src/io/pth/pickled.ts";

/** Runs a pickle given as text, a character per byte: `K\x05.` is BININT1 5, STOP. */
function run(text: string, budget = 1e6): Pickled {
  const globals = new Map<string, Pickled>([
    ["m.list", (args) => [...args]],
    ["m.constant", "c"],
    ["m.skipped", SKIPPED],
  ] as [string, Pickled][]);
  return unpickle(Uint8Array.from(Buffer.from(text, "latin1")), {
    name: "p",
    findGlobal: (name) => globals.get(name),
    persistentLoad: (id) => ["outside", id],
    budget,
  }).value;
}

describe("what the opcodes build", () => {
  test.each<[string, string, Pickled]>([
    ["None, True, False", "\x80\x02N\x88\x89\x87.", [null, true, false]],
    ["BININT1, BININT2, BININT", "K\x05M\x01\x02J\xfe\xff\xff\xff\x87.", [5, 513, -2]],
    ["LONG1: 0, −1, 2^40", "\x8a\x00\x8a\x01\xff\x8a\x06\x00\x00\x00\x00\x00\x01\x87.", [0, -1, 2 ** 40]],
    ["LONG4: 2^40", "\x8b\x06\x00\x00\x00\x00\x00\x00\x00\x00\x01.", 2 ** 40],
    ["LONG1 above 2^53", "\x8a\x08\x01\x00\x00\x00\x00\x00\x20\x00.", 2n ** 53n + 1n],
    ["BINFLOAT, big-endian", "G\x3f\xf8\x00\x00\x00\x00\x00\x00.", 1.5],
    ["texts", "X\x02\x00\x00\x00\xc3\xa9\x8c\x01aU\x01b\x87.", ["é", "a", "b"]],
    ["BINUNICODE8, BINSTRING", "\x8d\x01\x00\x00\x00\x00\x00\x00\x00xT\x01\x00\x00\x00y\x86.", ["x", "y"]],
    ["bytes", "C\x02\x00\xff.", Uint8Array.of(0, 255)],
    ["long bytes", "B\x01\x00\x00\x00\x07.", Uint8Array.of(7)],
    ["a list", "](K\x01K\x02eK\x03a.", [1, 2, 3]],
    [
      "a dict",
      "}X\x01\x00\x00\x00aK\x01s(K\x02K\x03u.",
      new Map<Pickled, Pickled>([
        ["a", 1],
        [2, 3],
      ]),
    ],
    ["sets", "\x8f(K\x01K\x02\x90(K\x03\x91\x86.", [new Set([1, 2]), new Set([3])]],
    ["tuples", ")K\x01\x85(K\x01K\x02K\x03K\x04t\x87.", [[], [1], [1, 2, 3, 4]]],
    ["the memo", "K\x07q\x050h\x05j\x05\x00\x00\x00\x86.", [7, 7]],
    ["MEMOIZE counts", "K\x07\x940K\x08\x940h\x00h\x01\x86.", [7, 8]],
    ["FRAME is skipped", "\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N.", null],
    ["POP and POP_MARK", "K\x01(K\x02K\x031(0.", 1],
    ["GLOBAL, REDUCE", "cm\nlist\nK\x05\x85R.", [5]],
    ["STACK_GLOBAL, NEWOBJ", "\x8c\x01m\x8c\x04list\x93)\x81.", []],
    ["NEWOBJ_EX, whose named arguments do not matter", "cm\nlist\nK\x05\x85}\x92.", [5]],
    ["a bytearray", "\x96\x01\x00\x00\x00\x00\x00\x00\x00\x07.", Uint8Array.of(7)],
    ["a constant", "cm\nconstant\n.", "c"],
    ["BINPERSID", "K\x05Q.", ["outside", 5]],
    ["BUILD on a dict is ignored", "}}b.", new Map()],
    ["what is done to a skipped object", "cm\nskipped\n)R(K\x01e(K\x01\x90}bK\x01K\x02s.", SKIPPED],
  ])("%s", (_, text, expected) => {
    expect(run(text)).toEqual(expected);
  });

  test("the same object where the memo says so, also inside itself", () => {
    const list = run("]q\x00h\x00a.") as Pickled[];
    expect(list[0]).toBe(list);
  });

  test("tuples do not change", () => {
    expect(Object.isFrozen(run(")."))).toBe(true);
  });

  test("where the pickle ends, so that the next can begin", () => {
    const options = { name: "p", findGlobal: () => undefined, persistentLoad: () => null, budget: 1e6 };
    const bytes = Buffer.from("K\x01.K\x02.", "latin1");
    const first = unpickle(bytes, options);
    expect(first).toEqual({ value: 1, end: 3 });
    expect(unpickle(bytes, options, first.end)).toEqual({ value: 2, end: 6 });
  });
});

test("what PickleWriter writes comes back", () => {
  const pickle = new PickleWriter();
  pickle.text("é中");
  for (const value of [0, 255, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1]) pickle.integer(value);
  pickle.global("m", "constant");
  const text = Buffer.from(pickle.finish()).toString("latin1");
  expect(run(`(${text}t.`)).toEqual(["é中", 0, 255, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, "c"]);
});

describe("errors name the opcode and the byte", () => {
  test.each([
    [
      "a forbidden function",
      "\x80\x02cos\nsystem\n.",
      'p: opcode GLOBAL at byte 2: "os.system" may not be loaded: only tensors',
    ],
    [
      "one by STACK_GLOBAL",
      "\x8c\x02os\x8c\x06system\x93.",
      'opcode STACK_GLOBAL at byte 12: "os.system" may not be loaded',
    ],
    ["a name that is no text", "NN\x93.", "a global's name is not a string"],
    ["a call of no function", "N)R.", "opcode REDUCE at byte 2: calls something that is not a function"],
    ["arguments that are no tuple", "cm\nlist\nNR.", "a function's arguments are not a tuple"],
    ["an empty stack", "a.", "opcode APPEND at byte 0: the stack has too few values"],
    ["too few values", "N\x86.", "opcode TUPLE2 at byte 1: the stack has too few values"],
    ["values below a MARK", "NN(\x85.", "opcode TUPLE1 at byte 3: the stack has too few values"],
    ["no MARK", "Nt.", "opcode TUPLE at byte 1: there is no MARK"],
    ["nothing at the end", ".", "opcode STOP at byte 0: the stack has too few values"],
    ["an unknown memo", "h\x05.", "opcode BINGET at byte 0: nothing was stored in the memo under 5"],
    ["appending to a tuple", ")Na.", "appends to something that is not a list"],
    ["items of a list", "]NNs.", "sets an item of something that is not a dict"],
    ["a key without a value", "}(Nu.", "a key has no value"],
    ["adding to a list", "](N\x90.", "adds to something that is not a set"],
    ["attributes of a list", "]}b.", "opcode BUILD at byte 2: sets attributes of something that is not a dict"],
    ["a text that is not UTF-8", "U\x01\xff.", "opcode SHORT_BINSTRING at byte 0: a string is not UTF-8"],
    ["protocol 6", "\x80\x06N.", "pickle protocol 6, known are protocols 2 to 5"],
    ["an opcode of protocol 0", "I1\n.", "opcode 0x49 at byte 0: is not an opcode that PyTorch writes"],
    ["an opcode that is none", "\xff.", "opcode 0xff at byte 0: is not an opcode"],
  ])("%s", (_, text, message) => {
    expect(() => run(text)).toThrow(FormatError);
    expect(() => run(text)).toThrow(message);
  });

  test.each([
    ["no STOP", "N"],
    ["half a number", "J\x01"],
    ["a text longer than the file", "X\xff\xff\xff\xffabc."],
    ["a text of 2^60 bytes", "\x8d\x00\x00\x00\x00\x00\x00\x00\x10."],
    ["a GLOBAL without its line's end", "cos"],
    ["nothing", ""],
  ])("truncated: %s", (_, text) => {
    expect(() => run(text)).toThrow(PickleEnd);
    expect(() => run(text)).toThrow("truncated: the pickle continues past the end");
  });
});

describe("memory stays within the budget", () => {
  test.each([
    ["dicts of one byte each", "}".repeat(10_000)],
    ["lists", "]".repeat(10_000)],
    ["Nones", "N".repeat(10_000)],
    ["marks", "(".repeat(10_000)],
    ["memo entries", `N${"\x94".repeat(10_000)}`],
    ["calls", `cm\nlist\nq\x000${"h\x00)R".repeat(10_000)}`],
  ])("%s", (_, text) => {
    expect(() => run(`${text}.`, 40_000)).toThrow(/opcode \w+ at byte \d+: the pickle's objects take more than 40000/);
  });

  test("depth is no recursion: a million tuples in each other", () => {
    let depth = 0;
    for (let value = run(`)${"\x85".repeat(1e6)}.`, 1e9) as Pickled[]; value.length > 0; depth++)
      value = value[0] as Pickled[];
    expect(depth).toBe(1e6);
  });
});
