/** Rules that give tensors other names. A rule is data: the form of a name, and the form it gets. Next: layouts.ts. */
import { describe } from "../../tensor/check.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
import { FormatError, quote } from "../errors.ts";
import type { FileInfo } from "../source.ts";

/**
 * Names of the form `from` get the form `to`. In both, `{x}` is a whole number (in `to` also `{x+1}`, `{x-1}`), and `*`
 * is any text: `["backbone.*", "*"]`, `["stages.{s}.{b}.norm.*", "layer{s+1}.{b}.bn1.*"]`.
 */
export type RenameRule = readonly [from: string, to: string];

/** The new name, or undefined for names that no rule is about. */
export type Renamer = (name: string) => string | undefined;

/** What the first rule that is about a name makes of it. */
export function renamer(rules: readonly RenameRule[]): Renamer {
  const compiled = rules.map(compile);
  return (name) => {
    for (const rename of compiled) {
      const renamed = rename(name);
      if (renamed !== undefined) return renamed;
    }
    return undefined;
  };
}

/** A form's pieces: texts, and between them `{x}`, `{x+1}` or `*`. */
const pieces = /(\{[a-z]+(?:[+-]\d+)?\}|\*)/;

function compile([from, to]: RenameRule): Renamer {
  const known: string[] = [];
  const pattern = from.split(pieces).map((piece, i) => {
    if (i % 2 === 0) return piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    known.push(piece);
    return piece === "*" ? "(.*)" : "(\\d+)";
  });
  const form = new RegExp(`^${pattern.join("")}$`, "s");
  const made = to.split(pieces).map((piece, i) => {
    if (i % 2 === 0) return () => piece;
    const [, variable, shift = "0"] = /^\{([a-z]+)([+-]\d+)?\}$/.exec(piece) ?? [];
    const group = 1 + known.indexOf(variable === undefined ? "*" : `{${variable}}`);
    return variable === undefined
      ? (found: RegExpExecArray) => found[group]
      : (found: RegExpExecArray) => String(Number(found[group]) + Number(shift));
  });
  return (name) => {
    const found = form.exec(name);
    return found ? made.map((piece) => piece(found)).join("") : undefined;
  };
}

/** Throws unless `rules` are rules. */
export function checkRules(op: string, rules: unknown): asserts rules is readonly RenameRule[] {
  if (!Array.isArray(rules)) {
    throw new UsageError(`${op}: rename must be a list of rules [from, to], got ${describe(rules)}`);
  }
  for (const rule of rules as readonly unknown[]) {
    if (!Array.isArray(rule) || rule.length !== 2 || rule.some((form) => typeof form !== "string")) {
      throw new UsageError(`${op}: a rule of rename must be two texts, [from, to], got ${describe(rule)}`);
    }
    checkRule(op, rule as unknown as RenameRule);
  }
}

function checkRule(op: string, [from, to]: RenameRule): void {
  const given = from.split(pieces).filter((_, i) => i % 2 === 1);
  const fail = (why: string): never => {
    throw new ValueError(`${op}: rename ${quote(from)} → ${quote(to)}: ${why}`);
  };
  if (new Set(given).size < given.length) fail("each * and {x} may occur once in the first form");
  if (given.some((piece) => /[+-]/.test(piece))) fail("{x+1} and {x-1} may only be in the second form");
  for (const piece of to.split(pieces).filter((_, i) => i % 2 === 1)) {
    if (!given.includes(piece.replace(/[+-]\d+/, ""))) fail(`${piece} is not in the first form`);
  }
}

/**
 * The same entries by their new names; those that no rule is about keep theirs.
 *
 * @throws FormatError if a rule is about no name at all, or two entries would get the same name.
 */
export function renameEntries<T>(
  entries: ReadonlyMap<string, T>,
  rules: readonly RenameRule[],
  file: FileInfo,
): ReadonlyMap<string, T> {
  const used = new Set<RenameRule>();
  const renamers = rules.map((rule) => [rule, compile(rule)] as const);
  const origins = new Map<string, string>();
  const renamed = new Map<string, T>();
  for (const [name, entry] of entries) {
    let becomes = name;
    for (const [rule, rename] of renamers) {
      const made = rename(name);
      if (made === undefined) continue;
      used.add(rule);
      becomes = made;
      break;
    }
    const other = origins.get(becomes);
    if (other !== undefined) {
      throw new FormatError(
        `${file.name}: rename gives ${quote(other)} and ${quote(name)} the same name ${quote(becomes)}`,
      );
    }
    origins.set(becomes, name);
    renamed.set(becomes, entry);
  }
  const unused = rules.find((rule) => !used.has(rule));
  if (unused) {
    const some = [...entries.keys()].slice(0, 3).map(quote).join(", ");
    throw new FormatError(
      `${file.name}: rename: no tensor's name is left for the form ${quote(unused[0])}: the names are ${some}, …`,
    );
  }
  return renamed;
}
