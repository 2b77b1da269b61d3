// The Worker's global types that Node lacks: this folder reads the Worker's configuration, and so the types of its parts.

declare class IdentityTransformStream extends TransformStream<Uint8Array, Uint8Array> {}

declare class FixedLengthStream extends IdentityTransformStream {
  constructor(bytes: number | bigint);
}

type KVNamespace = import('@cloudflare/workers-types').KVNamespace;
