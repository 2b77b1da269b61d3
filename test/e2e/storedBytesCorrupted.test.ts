import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { request } from './support/http.ts';
import { type Blob, makeBlob } from './support/image.ts';
import { download } from './support/largeBlob.ts';
import { startRawOrigin } from './support/rawOrigin.ts';
import { describeWith } from './support/tools.ts';

const ADMIN_TOKEN = 'the-operators-token';
const ADMIN = { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };
const MIRROR = { CLIENT_AUTH: 'anonymous', BLOB_STORE: 'r2', ADMIN_TOKEN };
const SIZE = 1_000_000;

/** What the origin sends in place of a blob: how long it says that it is, and the bytes. */
interface Sent {
  readonly length: number;
  readonly bytes: Buffer;
}

const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};

const CORRUPTIONS: readonly [string, (blob: Blob) => Sent][] = [
  ['one bit of its first byte changed', ({ bytes }) => ({ length: SIZE, bytes: flipped(bytes, 0) })],
  ['one bit in the middle changed', ({ bytes }) => ({ length: SIZE, bytes: flipped(bytes, SIZE / 2) })],
  ['one bit of its last byte changed', ({ bytes }) => ({ length: SIZE, bytes: flipped(bytes, SIZE - 1) })],
  ['another blob of the same length', () => ({ length: SIZE, bytes: makeBlob('another', SIZE).bytes })],
  ['two parts in the wrong order', ({ bytes }) => ({ length: SIZE, bytes: swapped(bytes) })],
  ['broken off', ({ bytes }) => ({ length: SIZE, bytes: bytes.subarray(0, SIZE / 2) })],
  ['a byte too long', ({ bytes }) => ({ length: SIZE + 1, bytes: Buffer.concat([bytes, Buffer.alloc(1)]) })],
  ['a byte too short, and so announced', ({ bytes }) => ({ length: SIZE - 1, bytes: bytes.subarray(0, SIZE - 1) })],
  ['announced as a byte longer than it is', ({ bytes }) => ({ length: SIZE + 1, bytes })],
];

const swapped = (bytes: Buffer) => Buffer.concat([bytes.subarray(SIZE / 2), bytes.subarray(0, SIZE / 2)]);

describeWith([], 'a blob that is corrupted on its way to an edge with BLOB_STORE=r2', () => {
  test.for(CORRUPTIONS)('%s: broken for the client, never stored, and right afterwards', async ([what, corrupt]) => {
    const blob = makeBlob(what, SIZE);
    let sent: Sent | undefined = corrupt(blob);
    const origin = await startRawOrigin((socket) => answer(socket, sent ?? { length: SIZE, bytes: blob.bytes }));
    const options = { origin, backend: 'inmemory', variables: MIRROR } as const;
    const edge = await startEdge(options);
    for (let round = 0; round < 2; round++) {
      expect(await isWholeAndRight(edge, blob)).toBe(false);
      expect(await isStored(edge, blob)).toBe(false);
    }
    await edge.process.stop();
    sent = undefined;
    // An isolate that has seen wrong bytes does not store this blob for a minute.
    const next = await startEdge({ ...options, keepsState: true });
    expect(await isWholeAndRight(next, blob)).toBe(true);
    expect(await isStored(next, blob)).toBe(true);
  });

  test('the client’s stream of wrong bytes breaks before the last of them', async () => {
    const blob = makeBlob('to the end', SIZE);
    const origin = await startRawOrigin((socket) => answer(socket, { length: SIZE, bytes: flipped(blob.bytes, 0) }));
    const edge = await startEdge({ origin, backend: 'inmemory', variables: MIRROR });
    await expect(request('GET', `${edge.url}/v2/team/app/blobs/${blob.digest}`)).rejects.toThrow();
  });
});

function answer(socket: Socket, { length, bytes }: Sent): void {
  socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`);
  socket.end(bytes);
}

/** Whether a client gets as many bytes as were announced, and they match the digest. */
async function isWholeAndRight({ url }: Edge, { digest }: Blob): Promise<boolean> {
  const hash = createHash('sha256');
  try {
    const { status, headers, bytes } = await download(`${url}/v2/team/app/blobs/${digest}`, {}, hash);
    const isWhole = status === 200 && bytes === Number(headers['content-length']);
    return isWhole && `sha256:${hash.digest('hex')}` === digest;
  } catch {
    return false;
  }
}

async function isStored({ url }: Edge, { digest }: Blob): Promise<boolean> {
  const { body } = await request('GET', `${url}/_edge/blobs/${digest}`, ADMIN);
  return JSON.parse(body.toString()).size === SIZE;
}
