/**
 * Ends well if node_modules has everything that package-lock.json names, and badly if not: `npm run setup` calls npm only then.
 * So it is quick, needs no network when there is nothing to do, and is the same for every npm. (npm 10 asks the registry
 * for packages of other platforms each time, and waits for more than a minute where there is none.)
 *
 * JavaScript, because it has to run before anything is installed, on Node 20.
 */
import { existsSync, readFileSync } from "node:fs";

const packages = (path) => JSON.parse(readFileSync(path, "utf8")).packages;

/** As npm has noted it, and so as it is: npm writes the file last. */
const NOTE = "node_modules/.package-lock.json";

// Optional packages are for one platform each; their versions are those of the package that wants them.
const installed = existsSync(NOTE) ? packages(NOTE) : {};
const missing = Object.entries(packages("package-lock.json")).filter(
  ([path, { version, optional }]) =>
    path !== "" && !optional && !(installed[path]?.version === version && existsSync(`${path}/package.json`)),
);
process.exitCode = missing.length > 0 ? 1 : 0;
