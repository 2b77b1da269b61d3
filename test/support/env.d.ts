declare namespace Cloudflare {
  interface Env {
    readonly DESCRIPTORS: KVNamespace;
    readonly ORIGIN_URL: string;
  }
  interface GlobalProps {
    mainModule: typeof import('../../src/index.ts');
  }
}
