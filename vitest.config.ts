import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  // The site's page imports the package as its user does.
  resolve: {
    alias: [
      { find: /^skipstone$/, replacement: fileURLToPath(new URL("src/index.ts", import.meta.url)) },
      { find: /^skipstone\/(\w+)$/, replacement: fileURLToPath(new URL("src/$1/index.ts", import.meta.url)) },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/temporary.ts",
    setupFiles: process.env.SKIPSTONE_TEST_THREADS === undefined ? [] : ["test/support/use-threads.ts"],
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // Every core: by default one is left idle, of two that is half of the time.
    maxWorkers: "100%",
  },
});

export default config;
