/**
 * Values of command-line options: from text to a value, or an error that says what is expected. commander adds the
 * option's name and the text to the message.
 */
import { InvalidArgumentError } from "commander";
import { depthInstead } from "../src/resnet/cifar-resnet.ts";

/** Reads one kind of value. */
export interface Argument<V> {
  /** How `--help` shows the value: `<n>`. */
  readonly placeholder: string;
  /** @throws InvalidArgumentError saying what is expected. */
  readonly parse: (text: string) => V;
}

/** A whole number from `low` to `high`. */
export function wholeNumber(low: number, high: number, placeholder = "<n>"): Argument<number> {
  return {
    placeholder,
    parse: (text) => {
      const value = Number(text);
      if (text.trim() === "" || !Number.isInteger(value) || value < low || value > high) {
        throw new InvalidArgumentError(`expected a whole number from ${low} to ${high}`);
      }
      // −0 is 0.
      return value + 0;
    },
  };
}

/** A number from `low` (or above it) to `high`. */
export function realNumber(low: number, high: number, from: "from" | "above" = "from"): Argument<number> {
  return {
    placeholder: "<number>",
    parse: (text) => {
      const value = Number(text);
      const inside = from === "above" ? value > low : value >= low;
      if (text.trim() === "" || !inside || !(value <= high)) {
        throw new InvalidArgumentError(
          `expected a number ${from} ${low} ${from === "above" ? "and up " : ""}to ${high}`,
        );
      }
      return value + 0;
    },
  };
}

/** Given or not: an option without a value. */
export const flag: Argument<boolean> = { placeholder: "", parse: () => true };

/** One of the named choices. */
export function oneOf<const C extends string>(...choices: readonly C[]): Argument<C> {
  return {
    placeholder: "<name>",
    parse: (text) => {
      const choice = choices.find((name) => name === text);
      if (choice === undefined) throw new InvalidArgumentError(`expected one of ${choices.join(", ")}`);
      return choice;
    },
  };
}

/** The name of a file or directory. */
export const path: Argument<string> = {
  placeholder: "<path>",
  parse: (text) => {
    // An empty path would be the current directory, which is hardly what an empty variable in a script means.
    if (text.trim() === "") throw new InvalidArgumentError("expected a path");
    return text;
  },
};

/** Several values with commas between them, none of them twice. */
export function listOf<V>(item: Argument<V>): Argument<readonly V[]> {
  return {
    placeholder: "<list>",
    parse: (text) => {
      const values = text.split(",").map((part) => item.parse(part.trim()));
      if (new Set(values).size !== values.length) throw new InvalidArgumentError("a value appears twice");
      return values;
    },
  };
}

/** Depth of a network for small images, 6n + 2: three stages of n blocks of two layers, a first and a last layer. */
export const depth: Argument<number> = {
  placeholder: "<layers>",
  parse: (text) => {
    const value = wholeNumber(1, 20000).parse(text);
    const nearest = depthInstead(value, 6);
    if (nearest === null) return value;
    throw new InvalidArgumentError(`the depth must be 6n+2 (8, 14, 20, 32, 44, 56, 110 …): ${nearest}`);
  },
};
