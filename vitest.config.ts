import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** `npm test`: in workerd, the Worker's own runtime, with the servers that globalSetup starts in Node. */
export default defineConfig({
  plugins: [
    cloudflareTest(({ inject }) => ({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: { compatibilityFlags: ['nodejs_compat'], bindings: { ORIGIN_URL: inject('originUrl') } },
    })),
  ],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/local/**'],
    globalSetup: './test/support/globalSetup.ts',
    coverage: { provider: 'istanbul', include: ['src/**'] },
  },
});
