import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const globalSetup = './test/support/globalSetup.ts';
/** Some tests compute for seconds, and the machine may be busy. */
const LIMITS = { testTimeout: 30_000, hookTimeout: 30_000 };

/** `npm test`: the Worker in workerd, its own runtime, and what runs beside it in Node. Servers start in globalSetup. */
export default defineConfig({
  test: {
    // As many as there are cores. The default leaves one core to Vitest, which on two cores is half of the machine.
    maxWorkers: '100%',
    coverage: {
      provider: 'istanbul',
      include: ['src/**'],
      reporter: ['text-summary'],
      thresholds: { lines: 95 },
    },
    projects: [
      {
        plugins: [
          cloudflareTest(({ inject }) => ({
            main: './src/index.ts',
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              compatibilityFlags: ['nodejs_compat'],
              bindings: { ORIGIN_URL: inject('originUrl') },
              r2Buckets: ['BLOBS'],
            },
          })),
        ],
        test: {
          name: 'worker',
          // A start of workerd for each file would take a fifth of the time. Files share module state and storage, so
          // tests use repositories and digests of their own, and restore what they replace.
          isolate: false,
          ...LIMITS,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/local/**'],
          globalSetup,
          setupFiles: './test/support/setup.ts',
        },
      },
      { test: { name: 'local', ...LIMITS, include: ['test/local/**/*.test.ts'], globalSetup } },
    ],
  },
});
