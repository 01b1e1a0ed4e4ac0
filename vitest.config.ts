import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
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
