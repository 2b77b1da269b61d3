import { type ByteStore, WrongBytes } from '../../src/bytes/byteStore.ts';
import { isContentOf } from '../../src/oci/hash.ts';

/** Keeps blobs in memory: the least that a byte store has to do. */
export function createMemoryBytes(): ByteStore {
  const blobs = new Map<string, Uint8Array>();
  return {
    name: 'memory',
    sizeOf: async (digest) => blobs.get(digest)?.length,
    async open(digest, part) {
      const bytes = blobs.get(digest);
      const asked = part ? bytes?.subarray(part.first, part.last + 1) : bytes;
      const { body } = new Response(asked);
      return bytes && body ? { size: bytes.length, body } : undefined;
    },
    async put({ digest, size, body }) {
      const bytes = new Uint8Array(await new Response(body).arrayBuffer());
      if (bytes.length !== size) throw new Error('the bytes broke off');
      if (!(await isContentOf(digest, bytes))) throw new WrongBytes('the hash differs');
      blobs.set(digest, bytes);
    },
    delete: async (digest) => void blobs.delete(digest),
  };
}
