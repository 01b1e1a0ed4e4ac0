/** The reference is whole: every export of the package has a page, a doc comment and, if it is called or made, an example. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as skipstone from "../../src/index.ts";
import { type Export, readReference } from "../build/api.ts";
import { dist } from "./browsers.ts";

const found = readReference();
const names = (chosen: (one: Export) => boolean): string[] => found.filter(chosen).map(({ name }) => name);

test("every value that the package exports is in the reference", () => {
  const known = new Set(found.map(({ name }) => name.split(".")[1]));
  expect(Object.keys(skipstone).filter((name) => !known.has(name))).toEqual([]);
});

test("every export has a page", () => {
  expect(found.length).toBeGreaterThan(500);
  expect(names(({ page }) => !existsSync(`${dist}api/${page}.html`))).toEqual([]);
});

test("every export has a doc comment", () => {
  expect(names(({ documented }) => !documented)).toEqual([]);
});

test("every function and class has an example", () => {
  expect(names(({ example }) => !example)).toEqual([]);
});

test("no comment links to nothing: every {@link} has become a link", () => {
  const left = found.filter(({ page }) => readFileSync(`${dist}api/${page}.html`, "utf8").includes("{@link"));
  expect(left.map(({ name }) => name)).toEqual([]);
});
