import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { image } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { blobOf } from './support/image.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';

const NAME = 'team/app';
const { manifest, mediaType } = image('broken off');

/** A client that sends the head of a request and a part of its body, and leaves. */
async function leaveAfter(url: string, requestHead: string, part: Buffer): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(requestHead);
  socket.write(part);
  await setTimeout(300);
  socket.destroy();
  // What would be taken for the end is on its way.
  await setTimeout(500);
}

function headOf(method: string, path: string, ...headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: edge', ...headers, '', ''].join('\r\n');
}

function chunkOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

describeWith(['registry', 'docker-registry'], 'a client that leaves in the middle of what it pushes', () => {
  const pairs: { origin: Registry; edge: Edge }[] = [];
  beforeAll(async () => {
    for (const kind of ['registry', 'docker-registry'] as const) {
      const origin = await startRegistry({ kind });
      const edge = await startEdge({ origin: origin.url, backend: 'inmemory' });
      // What the manifest names is there: only that it broke off can keep it from being taken.
      const { blobs } = image('broken off');
      for (const { digest, bytes } of blobs) await upload(origin.url, digest, bytes);
      pairs.push({ origin, edge });
    }
  });

  async function upload(url: string, digest: string, bytes: Buffer): Promise<void> {
    const location = new URL(await sessionAt(url));
    location.searchParams.set('digest', digest);
    const headers = { 'content-length': String(bytes.length) };
    expect((await request('PUT', location.href, { headers, body: bytes })).status).toBe(201);
  }

  async function sessionAt(url: string): Promise<string> {
    const opened = await request('POST', `${url}/v2/${NAME}/blobs/uploads/`, { headers: { 'content-length': '0' } });
    return new URL(opened.headers.location ?? '', url).href;
  }

  // The part is a whole manifest: only white space is still to come.
  test.each([
    ['with its length', (part: Buffer) => [`Content-Length: ${part.length + 2}`, part] as const],
    ['in chunks', (part: Buffer) => ['Transfer-Encoding: chunked', chunkOf(part)] as const],
  ])('a manifest %s: the origin has none', async (how, framed) => {
    const tag = how.replaceAll(' ', '-');
    const [framing, sent] = framed(manifest.bytes);
    for (const { origin, edge } of pairs) {
      const requestHead = headOf('PUT', `/v2/${NAME}/manifests/${tag}`, `Content-Type: ${mediaType}`, framing);
      await leaveAfter(edge.url, requestHead, sent);
      for (const { url } of [origin, edge]) {
        expect((await head(`${url}/v2/${NAME}/manifests/${tag}`, { accept: mediaType })).status).toBe(404);
      }
    }
  });

  test.each([
    ['with its length', (part: Buffer) => [`Content-Length: ${part.length + 1_000}`, part] as const],
    ['in chunks', (part: Buffer) => ['Transfer-Encoding: chunked', chunkOf(part)] as const],
  ])('a PUT %s whose digest is that of the part: the origin has no such blob', async (how, framed) => {
    const part = blobOf(Buffer.from(`a part of a blob, sent ${how}`));
    const [framing, sent] = framed(part.bytes);
    for (const { origin, edge } of pairs) {
      const location = new URL(await sessionAt(edge.url));
      location.searchParams.set('digest', part.digest);
      await leaveAfter(edge.url, headOf('PUT', location.pathname + location.search, framing), sent);
      for (const { url } of [origin, edge]) {
        expect((await head(`${url}/v2/${NAME}/blobs/${part.digest}`)).status).toBe(404);
      }
    }
  });
});
