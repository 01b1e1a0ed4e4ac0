/** What `npm ci`, `npm start` and `npm test` install, and that they do so only where something is missing. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";

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

describe("scripts/installed.mjs", () => {
  const wanted: Packages = { "": {}, "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "2.0.0" } };

  /** Whether it is content with a lockfile, where npm has noted `noted` and these folders are there. */
  function content(locked: Packages, noted: Packages | null, folders: readonly string[]): boolean {
    const root = mkdtempSync(join(tmpdir(), "skipstone-installed-"));
    onTestFinished(() => rmSync(root, { recursive: true }));
    writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: locked }));
    for (const folder of folders) {
      mkdirSync(join(root, folder), { recursive: true });
      writeFileSync(join(root, folder, "package.json"), "{}");
    }
    const note = join(root, "node_modules/.package-lock.json");
    if (noted) writeFileSync(note, JSON.stringify({ packages: noted }));
    const { status, stderr } = spawnSync(process.execPath, [resolve("scripts/installed.mjs")], { cwd: root });
    expect(String(stderr)).toBe("");
    return status === 0;
  }

  const both = ["node_modules/a", "node_modules/b"];

  test("is content where everything is there", () => {
    expect(content(wanted, wanted, both)).toBe(true);
  });

  test("is content without another platform's package", () => {
    expect(content({ ...wanted, "node_modules/c": { version: "1.0.0", optional: true } }, wanted, both)).toBe(true);
  });

  test("is not where nothing is, a package was deleted, is new, or has another version", () => {
    expect(content(wanted, null, [])).toBe(false);
    expect(content(wanted, wanted, ["node_modules/a"])).toBe(false);
    expect(content({ ...wanted, "node_modules/c": { version: "1.0.0" } }, wanted, both)).toBe(false);
    expect(content(wanted, { ...wanted, "node_modules/b": { version: "1.9.9" } }, both)).toBe(false);
  });
});
