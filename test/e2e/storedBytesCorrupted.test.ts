import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { type Edge, type EdgeOptions, startEdge } from './support/edge.ts';
import { request } from './support/http.ts';
import { type Blob, makeBlob } from './support/image.ts';
import { download } from './support/largeBlob.ts';
import { answerWith, startRawOrigin } from './support/rawOrigin.ts';
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
  const cases = CORRUPTIONS.map(([what, corrupt]) => {
    const blob = makeBlob(what, SIZE);
    return { what, blob, sent: corrupt(blob) };
  });
  let isMended = false;
  let edge: Edge;
  let options: EdgeOptions;
  beforeAll(async () => {
    const origin = await startRawOrigin((socket, head) => {
      const found = cases.find(({ blob }) => head.includes(blob.digest));
      if (!found) return answerWith(socket, '404 Not Found', 'Content-Length: 0');
      answer(socket, isMended ? { length: SIZE, bytes: found.blob.bytes } : found.sent);
    });
    options = { origin, backend: 'inmemory', variables: MIRROR };
    edge = await startEdge(options);
  });

  test.for(cases)('$what: broken for the client, and never stored', async ({ blob }) => {
    for (let round = 0; round < 2; round++) {
      expect(await isWholeAndRight(edge, blob)).toBe(false);
      expect(await isStored(edge, blob)).toBe(false);
    }
  });

  test('the client’s stream of wrong bytes breaks before the last of them', async () => {
    const blob = cases[0]?.blob;
    // An isolate that has seen wrong bytes passes this blob on as it is for a minute.
    const other = await startEdge({ ...options, origin: options.origin.replace('127.0.0.1', 'localhost') });
    await expect(request('GET', `${other.url}/v2/team/app/blobs/${blob?.digest}`)).rejects.toThrow();
  });

  test('each is stored, and right, once the origin sends it right', async () => {
    await edge.process.stop();
    isMended = true;
    const next = await startEdge({ ...options, keepsState: true });
    for (const { what, blob } of cases) {
      expect([what, await isWholeAndRight(next, blob)]).toEqual([what, true]);
      expect([what, await isStored(next, blob)]).toEqual([what, true]);
    }
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
