/** Builds the package as `npm run build` does, into a folder of the test's own. */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildDist } from "../../publish/build.ts";

export { tsc } from "../../publish/build.ts";

/** A folder with package.json and dist/, where `import "skipstone"` finds the built package. */
export async function buildPackage(name: string): Promise<string> {
  const root = resolve("build", name);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  cpSync("package.json", join(root, "package.json"));
  await buildDist(join(root, "dist"));
  return root;
}
