import { defineConfig } from 'vitest/config';

/** The built product in front of a real registry and a real Redis, with a real client: plain Node, no mocks. */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    globalSetup: ['test/e2e/support/build.ts'],
    pool: 'forks',
    // Most tests wait for something most of the time.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
  },
});
