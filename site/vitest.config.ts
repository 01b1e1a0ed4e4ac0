/** Tests of the built site, in browsers: `npm run site -- --build`, then `npx vitest run --config site/vitest.config.ts`. */
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["test/**/*.test.ts"],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    // The machine is the browsers'.
    maxWorkers: 1,
  },
});

export default config;
