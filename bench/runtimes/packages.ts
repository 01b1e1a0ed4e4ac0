/**
 * Where runtimes come from: pinned npm packages, installed into a cache of the user, and Debian's packages, which are
 * found on the PATH. Nothing is installed without a request.
 */
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** An npm package at one version. `alias` is its folder's name, because there are four versions of Node. */
export interface NpmPackage {
  readonly alias: string;
  readonly name: string;
  readonly version: string;
}

/** A Debian package, and the command that it provides. */
export interface DebianPackage {
  readonly debian: string;
  readonly command: string;
}

export const cache: string = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "skipstone-runtimes");

/** A file of the package in the cache. */
export function fileOf({ alias }: NpmPackage, path: string): string {
  return join(cache, "node_modules", alias, path);
}

export function isInstalled(needed: NpmPackage | DebianPackage): boolean {
  if ("debian" in needed) return pathOf(needed.command) !== undefined;
  const manifest = fileOf(needed, "package.json");
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version === needed.version;
}

/** The readable version: `153.8.0esr` for `153.8.0esr-1~deb12u1`. Undefined if dpkg does not know it. */
export function debianVersion({ debian }: DebianPackage): string | undefined {
  try {
    const text = execFileSync("dpkg-query", ["-W", `-f=\${Version}`, debian], { encoding: "utf8", stdio: "pipe" });
    return text.replace(/^\d+:/, "").replace(/-[^-]*$/, "");
  } catch {
    return undefined;
  }
}

/** Installs them all; npm packages without running their scripts. Throws the message of npm or apt-get. */
export function install(needed: readonly (NpmPackage | DebianPackage)[]): void {
  const npm = needed.filter((one): one is NpmPackage => "alias" in one);
  const debian = needed.flatMap((one) => ("debian" in one ? [one.debian] : []));
  if (npm.length > 0) installNpm(npm);
  if (debian.length > 0) installDebian(debian);
}

function installNpm(packages: readonly NpmPackage[]): void {
  const manifest = join(cache, "package.json");
  mkdirSync(cache, { recursive: true });
  const before = existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).dependencies : {};
  const added = packages.map(({ alias, name, version }) => [alias, `npm:${name}@${version}`]);
  const dependencies = { ...before, ...Object.fromEntries(added) };
  writeFileSync(manifest, `${JSON.stringify({ private: true, dependencies }, null, 2)}\n`);
  const flags = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  execFileSync(npm, ["install", "--prefix", cache, ...flags], { cwd: cache, stdio: ["ignore", "ignore", "inherit"] });
}

function installDebian(packages: readonly string[]): void {
  const asRoot = process.getuid?.() === 0 ? [] : ["sudo"];
  const apt = (...args: string[]): void => {
    const [command, ...rest] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args];
    execFileSync(command, rest, { stdio: ["ignore", "ignore", "inherit"] });
  };
  apt("update");
  apt("install", "-y", "--no-install-recommends", ...packages);
}

function pathOf(command: string): string | undefined {
  const candidates = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, command));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
