/** `npm run build`. */
import { buildDist } from "./build.ts";

await buildDist("dist");
