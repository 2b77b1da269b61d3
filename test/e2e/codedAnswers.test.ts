import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { atEnd } from './support/cleanup.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { request } from './support/http.ts';

const BODY = Buffer.from(JSON.stringify({ tags: Array.from({ length: 20_000 }, (_, n) => `tag-${n}`) }));
const CODED = gzipSync(BODY);
const DIGEST = `sha256:${'a'.repeat(64)}`;

/** An origin that codes everything, whatever it is asked to do, and says how long that is. */
async function startCodingOrigin(): Promise<string> {
  const answer = (response: ServerResponse, status: number) =>
    response
      .writeHead(status, {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'content-length': CODED.length,
      })
      .end(CODED);
  const server = createServer((asked, response) => {
    asked.resume().once('end', () => answer(response, Number(asked.headers['x-status'] ?? 200)));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('what the origin codes, on the wire', () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge({ origin: await startCodingOrigin(), backend: 'inmemory' });
  });

  test.each([
    ['GET', 'tags/list', 200],
    ['GET', 'manifests/latest', 200],
    ['GET', 'manifests/latest', 404],
    ['GET', `manifests/${DIGEST}`, 500],
    ['GET', `blobs/${DIGEST}`, 200],
    ['GET', `blobs/${DIGEST}`, 404],
    ['PUT', 'manifests/latest', 400],
  ])('reaches the client whole and in its coding: %s %s, %i', async (method, path, status) => {
    const headers = { 'accept-encoding': 'gzip', 'x-status': String(status) };
    const body = method === 'PUT' ? '{}' : '';
    const answer = await request(method, `${edge.url}/v2/team/app/${path}`, { headers, body });
    expect([answer.status, answer.headers['content-encoding']]).toEqual([status, 'gzip']);
    const { 'content-length': length = String(answer.body.length) } = answer.headers;
    expect(Number(length)).toBe(answer.body.length);
    expect(gunzipSync(answer.body).equals(BODY)).toBe(true);
  });
});
