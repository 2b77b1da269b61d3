import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { type ByteStore, WrongBytes } from '../../src/bytes/byteStore.ts';
import { createR2Bytes } from '../../src/bytes/r2.ts';
import type { Part } from '../../src/http/ranges.ts';
import type { Digest, DigestAlgorithm } from '../../src/oci/digest.ts';
import { digestFrom, hashName } from '../../src/oci/hash.ts';
import { createMemoryBytes } from '../support/memoryBytes.ts';

const MIB = 1024 ** 2;
/** R2 accepts no smaller part. */
const PART_BYTES = 5 * MIB;
const IN_PARTS = { maxPutBytes: 1, partBytes: PART_BYTES };

/** The table of byte stores: a new backend is one row. */
const BYTE_STORES: readonly [name: string, store: ByteStore][] = [
  ['r2', createR2Bytes(env.BLOBS)],
  ['r2 in parts', createR2Bytes(env.BLOBS, IN_PARTS)],
  ['memory', createMemoryBytes()],
];

/** Returns bytes that are like no others. */
function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

async function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Promise<Digest> {
  return digestFrom(algorithm, await crypto.subtle.digest(hashName(algorithm), bytes));
}

/** Returns a stream that states `size` bytes and has these, in pieces. */
function streamOf(bytes: Uint8Array, size = bytes.length): ReadableStream<Uint8Array> {
  const { readable, writable } = new FixedLengthStream(size);
  const writer = writable.getWriter();
  async function write(): Promise<void> {
    for (let at = 0; at < bytes.length; at += 100_000) await writer.write(bytes.subarray(at, at + 100_000));
    await writer.close();
  }
  write().catch((cause) => writer.abort(cause).catch(() => undefined));
  return readable;
}

async function read(store: ByteStore, digest: Digest, part?: Part): Promise<Uint8Array | undefined> {
  const opened = await store.open(digest, part);
  return opened && new Uint8Array(await new Response(opened.body).arrayBuffer());
}

describe.each(BYTE_STORES)('a byte store: %s', (_name, store) => {
  it('returns the size and the bytes that were put', async () => {
    const bytes = randomBytes(250_000);
    const digest = await digestOf(bytes);
    await store.put({ digest, size: bytes.length, body: streamOf(bytes) });
    expect(await store.sizeOf(digest)).toBe(bytes.length);
    expect((await store.open(digest))?.size).toBe(bytes.length);
    expect(await read(store, digest)).toEqual(bytes);
  });

  it.each([
    [{ first: 0, last: 0 }],
    [{ first: 0, last: 249_999 }],
    [{ first: 249_999, last: 249_999 }],
    [{ first: 99_999, last: 100_001 }],
  ])('returns the part %j, with the size of the whole', async (part) => {
    const bytes = randomBytes(250_000);
    const digest = await digestOf(bytes);
    await store.put({ digest, size: bytes.length, body: streamOf(bytes) });
    expect((await store.open(digest, part))?.size).toBe(bytes.length);
    expect(await read(store, digest, part)).toEqual(bytes.subarray(part.first, part.last + 1));
  });

  it.each<DigestAlgorithm>(['sha256', 'sha384', 'sha512'])('verifies %s', async (algorithm) => {
    const [right, wrong] = [randomBytes(1_000), randomBytes(1_000)];
    const digest = await digestOf(right, algorithm);
    const putting = store.put({ digest, size: wrong.length, body: streamOf(wrong) });
    await expect(putting).rejects.toBeInstanceOf(WrongBytes);
    expect([await store.sizeOf(digest), await store.open(digest)]).toEqual([undefined, undefined]);
    await store.put({ digest, size: right.length, body: streamOf(right) });
    expect(await read(store, digest)).toEqual(right);
  });

  it('keeps the right bytes where wrong ones are put later', async () => {
    const [right, wrong] = [randomBytes(1_000), randomBytes(1_000)];
    const digest = await digestOf(right);
    await store.put({ digest, size: right.length, body: streamOf(right) });
    await expect(store.put({ digest, size: wrong.length, body: streamOf(wrong) })).rejects.toThrow();
    expect(await read(store, digest)).toEqual(right);
  });

  it('stores nothing of a body that breaks off, and says that this is no wrong digest', async () => {
    const bytes = randomBytes(250_000);
    const digest = await digestOf(bytes);
    const body = streamOf(bytes.subarray(0, 200_000), bytes.length);
    const failure = await store.put({ digest, size: bytes.length, body }).catch((cause) => cause);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(WrongBytes);
    expect(await store.sizeOf(digest)).toBeUndefined();
  });

  it('has nothing after a delete, which may be repeated', async () => {
    const bytes = randomBytes(1_000);
    const digest = await digestOf(bytes);
    await store.put({ digest, size: bytes.length, body: streamOf(bytes) });
    for (let times = 0; times < 2; times++) await store.delete(digest);
    expect([await store.sizeOf(digest), await store.open(digest)]).toEqual([undefined, undefined]);
  });
});

describe('a blob that R2 takes only in parts', () => {
  const store = createR2Bytes(env.BLOBS, IN_PARTS);

  it.each([
    ['one part and a bit', PART_BYTES + 1],
    ['exactly two parts', 2 * PART_BYTES],
    ['three parts', 2 * PART_BYTES + 12_345],
  ])('has all of its bytes: %s', async (_what, length) => {
    const bytes = randomBytes(length);
    const digest = await digestOf(bytes);
    await store.put({ digest, size: length, body: streamOf(bytes) });
    expect(await store.sizeOf(digest)).toBe(length);
    const part = { first: PART_BYTES - 3, last: PART_BYTES };
    expect(await read(store, digest, part)).toEqual(bytes.subarray(part.first, part.last + 1));
    const stored = await read(store, digest);
    expect(stored && (await digestOf(stored))).toBe(digest);
  });

  it('ends, and leaves nothing behind, where R2 refuses a part', async () => {
    const bytes = randomBytes(PART_BYTES + 1);
    const digest = await digestOf(bytes);
    const ended: string[] = [];
    const refusing = createR2Bytes(
      {
        ...(env.BLOBS as unknown as Parameters<typeof createR2Bytes>[0]),
        async createMultipartUpload(key) {
          const upload = await env.BLOBS.createMultipartUpload(key);
          return {
            uploadPart: () => Promise.reject(new Error('refused')),
            complete: (parts) => upload.complete(parts),
            abort: async () => void ended.push(await upload.abort().then(() => 'aborted')),
          };
        },
      },
      IN_PARTS,
    );
    await expect(refusing.put({ digest, size: bytes.length, body: streamOf(bytes) })).rejects.toThrow('refused');
    expect([ended, await store.sizeOf(digest)]).toEqual([['aborted'], undefined]);
  });
});
