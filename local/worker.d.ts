// The Worker's global types that Node lacks. This folder reads the Worker's configuration, and so needs the types of its
// parts.

declare class IdentityTransformStream extends TransformStream<Uint8Array, Uint8Array> {}

declare class FixedLengthStream extends IdentityTransformStream {
  constructor(bytes: number | bigint);
}

type ExecutionContext = import('hono').ExecutionContext;

declare function clearTimeout(timer: NodeJS.Timeout | null): void;

type CryptoKey = import('node:crypto').webcrypto.CryptoKey;

type KVNamespace = import('@cloudflare/workers-types').KVNamespace;

declare module 'crypto' {
  namespace webcrypto {
    interface Crypto {
      readonly DigestStream: typeof import('@cloudflare/workers-types').DigestStream;
    }
  }
}
