import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const globalSetup = './test/support/globalSetup.ts';

/** `npm test`: the Worker in workerd, its own runtime, and what runs beside it in Node. Servers start in globalSetup. */
export default defineConfig({
  test: {
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
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { compatibilityFlags: ['nodejs_compat'], bindings: { ORIGIN_URL: inject('originUrl') } },
          })),
        ],
        test: {
          name: 'worker',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/local/**'],
          globalSetup,
        },
      },
      { test: { name: 'local', include: ['test/local/**/*.test.ts'], globalSetup } },
    ],
  },
});
