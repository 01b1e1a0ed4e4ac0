/** The commands of Node, Deno and Bun, as `npm run runtimes -- --install` has brought them. */
import { fileOf, isInstalled, type NpmPackage } from "../../bench/runtimes/packages.ts";
import { runtimes } from "../../bench/runtimes/runtimes.ts";

/** The command of the runtime with that id; undefined where it was not brought, which is said. */
export function findCommand(id: string, path: string): string | undefined {
  const needed = runtimes.find((runtime) => runtime.id === id)!.needs[0] as NpmPackage;
  if (isInstalled(needed)) return fileOf(needed, path);
  const advice = `no ${id} here: npm run runtimes -- --install --only ${id} brings it`;
  if (process.env["SKIPSTONE_BROWSER"] === "required") throw new Error(`${advice} (SKIPSTONE_BROWSER=required)`);
  console.warn(`nothing is tested there: ${advice}`);
  return undefined;
}
