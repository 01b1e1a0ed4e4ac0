/**
 * A restricted machine for Python's pickles (CPython's Lib/pickletools.py describes the opcodes).
 *
 * A pickle is a program for a stack machine. Two of its opcodes, GLOBAL and REDUCE, name any Python function and call
 * it, so loading a stranger's pickle means running his program. This machine knows only the functions it is given
 * (torch-objects.ts), builds only plain containers, and does not recurse. A budget bounds what it builds: an empty dict
 * is one byte in a pickle and 200 in memory.
 */
import { type Fail, quote } from "../errors.ts";
import { OPCODES as op } from "./opcodes.ts";
import { PickleCursor } from "./pickle-cursor.ts";
import { COST, PickleStack } from "./pickle-stack.ts";
import { type Pickled, type PickleFunction, SKIPPED } from "./pickled.ts";

export interface PickleOptions {
  /** The pickle's name in error messages: `x.pth: data.pkl`. */
  readonly name: string;
  /**
   * The function or constant of this name, such as `collections.OrderedDict`; undefined if a pickle may not have it.
   */
  readonly findGlobal: (name: string) => Pickled | undefined;
  /** The object outside the pickle with this id. */
  readonly persistentLoad: (id: Pickled, fail: Fail) => Pickled;
  /** The memory limit in bytes for the objects it builds, by the machine's estimate. */
  readonly budget: number;
}

/** Runs the pickle at `start` of `bytes`. Returns the object it built, and where it ends. */
export function unpickle(bytes: Uint8Array, options: PickleOptions, start = 0): { value: Pickled; end: number } {
  const cursor = new PickleCursor(options.name, bytes, start);
  const value = new PickleMachine(cursor, options).run();
  return { value, end: cursor.at };
}

class PickleMachine {
  readonly #read: PickleCursor;
  readonly #options: PickleOptions;
  readonly #stack: PickleStack;
  readonly #fail: Fail = (message) => this.#read.fail(message);

  constructor(cursor: PickleCursor, options: PickleOptions) {
    this.#read = cursor;
    this.#options = options;
    this.#stack = new PickleStack(options.budget, this.#fail);
  }

  run(): Pickled {
    for (;;) {
      const code = this.#read.opcode();
      if (code === op.STOP) return this.#stack.pop(1)[0];
      const value = this.#make(code);
      if (value === undefined) this.#change(code);
      else this.#stack.push(value);
    }
  }

  /** The value that an opcode pushes; undefined for opcodes that push nothing. */
  #make(code: number): Pickled | undefined {
    const read = this.#read;
    switch (code) {
      case op.NONE:
        return null;
      case op.NEWTRUE:
        return true;
      case op.NEWFALSE:
        return false;
      case op.BININT:
        return read.int32();
      case op.BININT1:
        return read.uint8();
      case op.BININT2:
        return read.uint16();
      case op.LONG1:
        return read.long(read.uint8());
      case op.LONG4:
        return this.#long(read.uint32());
      case op.BINFLOAT:
        return read.float64();

      case op.SHORT_BINUNICODE:
      case op.SHORT_BINSTRING:
        return this.#text(read.uint8());
      case op.BINUNICODE:
      case op.BINSTRING:
        return this.#text(read.uint32());
      case op.BINUNICODE8:
        return this.#text(read.uint64());
      case op.SHORT_BINBYTES:
        return this.#raw(read.uint8());
      case op.BINBYTES:
        return this.#raw(read.uint32());
      case op.BINBYTES8:
      case op.BYTEARRAY8:
        return this.#raw(read.uint64());

      case op.EMPTY_TUPLE:
        return this.#tuple([]);
      case op.TUPLE1:
        return this.#tuple(this.#stack.pop(1));
      case op.TUPLE2:
        return this.#tuple(this.#stack.pop(2));
      case op.TUPLE3:
        return this.#tuple(this.#stack.pop(3));
      case op.TUPLE:
        return this.#tuple(this.#stack.popToMark());
      case op.EMPTY_LIST:
        this.#stack.spend(COST.list);
        return [];
      case op.EMPTY_DICT:
        this.#stack.spend(COST.map);
        return new Map();
      case op.EMPTY_SET:
        return this.#set([]);
      case op.FROZENSET:
        return this.#set(this.#stack.popToMark());

      case op.BINGET:
        return this.#stack.recall(read.uint8());
      case op.LONG_BINGET:
        return this.#stack.recall(read.uint32());

      case op.GLOBAL:
        return this.#global(read.line(), read.line());
      case op.STACK_GLOBAL: {
        const [module, name] = this.#stack.pop(2);
        return this.#global(module, name);
      }
      case op.REDUCE:
      case op.NEWOBJ: {
        const [callee, args] = this.#stack.pop(2);
        return this.#call(callee, args);
      }
      case op.NEWOBJ_EX: {
        const [callee, args] = this.#stack.pop(3);
        return this.#call(callee, args);
      }
      case op.BINPERSID:
        return this.#options.persistentLoad(this.#stack.pop(1)[0], this.#fail);
      default:
        return undefined;
    }
  }

  /** The opcodes that push nothing. */
  #change(code: number): void {
    const read = this.#read;
    switch (code) {
      case op.PROTO: {
        const protocol = read.uint8();
        if (protocol > 5) this.#fail(`pickle protocol ${protocol}, known are protocols 2 to 5`);
        break;
      }
      case op.FRAME:
        read.uint64();
        break;
      case op.MARK:
        this.#stack.mark();
        break;
      case op.POP:
        this.#stack.drop();
        break;
      case op.POP_MARK:
        this.#stack.popToMark();
        break;

      case op.BINPUT:
        this.#stack.remember(read.uint8());
        break;
      case op.LONG_BINPUT:
        this.#stack.remember(read.uint32());
        break;
      case op.MEMOIZE:
        this.#stack.memoize();
        break;

      case op.APPEND:
        this.#append(this.#stack.pop(1));
        break;
      case op.APPENDS:
        this.#append(this.#stack.popToMark());
        break;
      case op.SETITEM:
        this.#setItems(this.#stack.pop(2));
        break;
      case op.SETITEMS:
        this.#setItems(this.#stack.popToMark());
        break;
      case op.ADDITEMS:
        this.#addItems(this.#stack.popToMark());
        break;
      case op.BUILD:
        this.#stack.pop(1);
        this.#checkBuilt();
        break;
      default:
        this.#fail("is not an opcode that PyTorch writes");
    }
  }

  #text(length: number): string {
    const text = this.#read.text(length);
    this.#stack.spend(length);
    return text;
  }

  #raw(length: number): Uint8Array {
    const raw = this.#read.raw(length);
    this.#stack.spend(length);
    return raw;
  }

  /** Making it takes time that grows with the square of its length; Python's own limit for text is 4300 digits. */
  #long(length: number): number | bigint {
    return length <= 2048 ? this.#read.long(length) : this.#fail(`a whole number of ${length} bytes`);
  }

  #tuple(items: Pickled[]): Pickled {
    this.#stack.spend(COST.list);
    return Object.freeze(items);
  }

  #set(items: readonly Pickled[]): Pickled {
    this.#stack.spend(COST.map + items.length * COST.member);
    return new Set(items);
  }

  #global(module: Pickled, name: Pickled): Pickled {
    if (typeof module !== "string" || typeof name !== "string") return this.#fail("a global's name is not a string");
    const found = this.#options.findGlobal(`${module}.${name}`);
    if (found !== undefined) return found;
    const advice = this.#stack.isEmpty
      ? "The file holds nothing else, perhaps a whole model: torch.save(model.state_dict(), path) saves its weights"
      : 'unknownObjects: "skip" leaves out what else is in the file; or save only the state dict: torch.save(model.state_dict(), path)';
    return this.#fail(
      `${quote(`${module}.${name}`)} may not be loaded: only tensors and plain containers may. ${advice}`,
    );
  }

  #call(callee: Pickled, args: Pickled): Pickled {
    if (callee === SKIPPED) return SKIPPED;
    if (!Array.isArray(args)) return this.#fail("a function's arguments are not a tuple");
    if (typeof callee !== "function") return this.#fail("calls something that is not a function");
    this.#stack.spend(COST.map);
    return (callee as PickleFunction)(args, this.#fail);
  }

  #append(items: readonly Pickled[]): void {
    const list = this.#stack.top();
    if (list === SKIPPED) return;
    if (!Array.isArray(list) || Object.isFrozen(list)) this.#fail("appends to something that is not a list");
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly Pickled[]): void {
    const dict = this.#stack.top();
    if (dict === SKIPPED) return;
    if (!(dict instanceof Map)) this.#fail("sets an item of something that is not a dict");
    if (items.length % 2 !== 0) this.#fail("a key has no value");
    this.#stack.spend((items.length / 2) * COST.member);
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  #addItems(items: readonly Pickled[]): void {
    const set = this.#stack.top();
    if (set === SKIPPED) return;
    if (!(set instanceof Set)) this.#fail("adds to something that is not a set");
    this.#stack.spend(items.length * COST.member);
    for (const item of items) set.add(item);
  }

  /** An OrderedDict's attributes (`_metadata` of a state dict) are ignored; nothing else here has any. */
  #checkBuilt(): void {
    const object = this.#stack.top();
    if (!(object instanceof Map) && object !== SKIPPED) this.#fail("sets attributes of something that is not a dict");
  }
}
