import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { image } from './support/contents.ts';
import { startEdge } from './support/edge.ts';
import { head } from './support/http.ts';
import { blobOf } from './support/image.ts';
import { startRegistry } from './support/registry.ts';
import type { Started } from './support/setups.ts';
import { describeWith } from './support/tools.ts';
import { locationOf, openUpload } from './support/uploads.ts';

const NAME = 'team/app';
const { manifest, mediaType, blobs } = image('broken off');

/** Sends the head of a request and a part of its body, and leaves. */
async function sendAndLeave(url: string, requestHead: string, part: Buffer): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(requestHead);
  socket.write(part);
  await setTimeout(300);
  socket.destroy();
  // By now the origin would have received a body that the edge had taken for complete.
  await setTimeout(500);
}

function headOf(method: string, path: string, ...headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: edge', ...headers, '', ''].join('\r\n');
}

function chunkOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

describeWith(['registry', 'docker-registry'], 'a client that leaves in the middle of a push', () => {
  const pairs: Started[] = [];
  beforeAll(async () => {
    for (const kind of ['registry', 'docker-registry'] as const) {
      const origin = await startRegistry({ kind });
      const edge = await startEdge({ origin: origin.url, backend: 'inmemory' });
      // The manifest's blobs exist, so the origin has no other reason to refuse it.
      for (const blob of blobs) expect((await upload(origin.url, NAME, blob)).status).toBe(201);
      pairs.push({ origin, edge });
    }
  });

  // What is sent is a complete manifest, so that only white space is missing.
  test.each([
    ['with its length', (part: Buffer) => [`Content-Length: ${part.length + 2}`, part] as const],
    ['in chunks', (part: Buffer) => ['Transfer-Encoding: chunked', chunkOf(part)] as const],
  ])('a manifest that is sent %s: the origin stores none', async (how, framed) => {
    const tag = how.replaceAll(' ', '-');
    const [framing, sent] = framed(manifest.bytes);
    for (const { origin, edge } of pairs) {
      const requestHead = headOf('PUT', `/v2/${NAME}/manifests/${tag}`, `Content-Type: ${mediaType}`, framing);
      await sendAndLeave(edge.url, requestHead, sent);
      for (const { url } of [origin, edge]) {
        expect((await head(`${url}/v2/${NAME}/manifests/${tag}`, { accept: mediaType })).status).toBe(404);
      }
    }
  });

  test.each([
    ['with its length', (part: Buffer) => [`Content-Length: ${part.length + 1_000}`, part] as const],
    ['in chunks', (part: Buffer) => ['Transfer-Encoding: chunked', chunkOf(part)] as const],
  ])('a PUT %s whose digest is that of the part that was sent: the origin stores no such blob', async (how, framed) => {
    const part = blobOf(Buffer.from(`a part of a blob, sent ${how}`));
    const [framing, sent] = framed(part.bytes);
    for (const { origin, edge } of pairs) {
      const location = new URL(locationOf(await openUpload(edge.url, NAME), edge.url));
      location.searchParams.set('digest', part.digest);
      await sendAndLeave(edge.url, headOf('PUT', location.pathname + location.search, framing), sent);
      for (const { url } of [origin, edge]) {
        expect((await head(`${url}/v2/${NAME}/blobs/${part.digest}`)).status).toBe(404);
      }
    }
  });
});
