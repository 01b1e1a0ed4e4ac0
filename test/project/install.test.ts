/** What `npm ci`, `npm start` and `npm test` install. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

interface Locked {
  readonly version?: string;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, Locked>>;

describe("package-lock.json", () => {
  const text = readFileSync("package-lock.json", "utf8");
  const packages = Object.entries((JSON.parse(text) as { packages: Packages }).packages);

  test("is of no particular platform: every optional package of every package is in it", () => {
    const names = new Set(packages.map(([path]) => path.split("node_modules/").at(-1)!));
    const optional = packages.flatMap(([, locked]) => Object.keys(locked.optionalDependencies ?? {}));
    expect(optional.length).toBeGreaterThan(20);
    expect(optional.filter((name) => !names.has(name))).toEqual([]);
  });

  test("is of no particular registry: no package has an address", () => {
    expect(text).not.toContain('"resolved"');
  });
});
