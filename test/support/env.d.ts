declare namespace Cloudflare {
  interface Env {
    readonly DESCRIPTORS: KVNamespace;
    readonly REPOSITORIES: DurableObjectNamespace<import('../../src/stores/durable/object.ts').RepositoryObject>;
    readonly METRICS: DurableObjectNamespace<import('../../src/metrics/object.ts').MetricsObject>;
    readonly BLOBS: R2Bucket;
    readonly ORIGIN_URL: string;
  }
  interface GlobalProps {
    mainModule: typeof import('../../src/index.ts');
  }
}
