/** The names of a network's classes, from the files that they come in. */
import { readFileSync } from "node:fs";
import { messageOf, UsageError } from "../errors.ts";
import { reasonOf } from "../files.ts";

/**
 * A line per class, or JSON: a list of names, or an object of names by number, whole or as the `id2label` of a model's
 * configuration; or of numbers by name, as torchvision's `class_to_idx`. A name may be the last of a list, after ImageNet's
 * number for it: `{"0": ["n01440764", "tench"]}`.
 *
 * @throws UsageError for a file that cannot be read, is none of them, or does not name `classes` classes.
 */
export function readLabels(path: string, classes: number): string[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read the labels ${path}: ${reasonOf(error)}`);
  }
  const text = textOf(bytes);
  const labels = /^\s*[[{]/.test(text) ? fromJson(path, text) : text.split(/\r?\n/).filter((line) => line.trim());
  if (labels.length !== classes) {
    throw new UsageError(`the labels ${path} name ${labels.length} classes, the network has ${classes}`);
  }
  return labels;
}

/** UTF-8 or, by its byte-order mark, UTF-16, which Windows' PowerShell writes. The mark is no part of the text. */
function textOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return new TextDecoder().decode(bytes);
}

function fromJson(path: string, text: string): string[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the labels ${path} begin with ${text.trim()[0]} but are not JSON: ${messageOf(error)}`);
  }
  const { id2label = json } = json as { id2label?: unknown };
  const names = Array.isArray(id2label) ? id2label : inOrder(path, id2label as Record<string, unknown>);
  return names.map((entry, i) => {
    const name = Array.isArray(entry) ? entry[entry.length - 1] : entry;
    if (typeof name === "string") return name;
    throw new UsageError(`the labels ${path} are not a list of texts, nor texts by number: class ${i} is ${name}`);
  });
}

/** The names of an object, by their numbers, which go from 0 without a gap. */
function inOrder(path: string, labels: Record<string, unknown>): unknown[] {
  const entries = Object.entries(labels ?? {});
  const numbered = entries.every(([, value]) => typeof value === "number")
    ? entries.map(([name, number]) => [number as number, name] as const)
    : entries.map(([number, name]) => [/^\d+$/.test(number) ? Number(number) : Number.NaN, name] as const);
  const names = new Map<number, unknown>(numbered);
  const missing = numbered.findIndex((_, i) => !names.has(i));
  if (missing < 0) return numbered.map((_, i) => names.get(i));
  throw new UsageError(`the labels ${path} have ${numbered.length} entries, but none with the number ${missing}`);
}
