import { createServer, type ServerResponse } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { request } from './support/http.ts';
import { listen } from './support/listen.ts';
import { describeWith } from './support/tools.ts';

const BODY = Buffer.from(JSON.stringify({ tags: Array.from({ length: 20_000 }, (_, n) => `tag-${n}`) }));
const ENCODED = gzipSync(BODY);
const DIGEST = `sha256:${'a'.repeat(64)}`;

/** Starts an origin that answers everything with gzip and a Content-Length, whatever the client accepts. */
async function startEncodingOrigin(): Promise<string> {
  const answer = (response: ServerResponse, status: number) =>
    response
      .writeHead(status, {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'content-length': ENCODED.length,
      })
      .end(ENCODED);
  const server = createServer((request, response) => {
    request.resume().once('end', () => answer(response, Number(request.headers['x-status'] ?? 200)));
  });
  return listen(server);
}

describeWith([], 'an answer of the origin with a Content-Encoding', () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge({ origin: await startEncodingOrigin(), backend: 'inmemory' });
  });

  test.each([
    ['GET', 'tags/list', 200],
    ['GET', 'manifests/latest', 200],
    ['GET', 'manifests/latest', 404],
    ['GET', `manifests/${DIGEST}`, 500],
    ['GET', `blobs/${DIGEST}`, 200],
    ['GET', `blobs/${DIGEST}`, 404],
    ['PUT', 'manifests/latest', 400],
  ])('reaches the client whole and still encoded: %s %s, %i', async (method, path, status) => {
    const headers = { 'accept-encoding': 'gzip', 'x-status': String(status) };
    const body = method === 'PUT' ? '{}' : '';
    const answer = await request(method, `${edge.url}/v2/team/app/${path}`, { headers, body });
    expect([answer.status, answer.headers['content-encoding']]).toEqual([status, 'gzip']);
    const { 'content-length': length = String(answer.body.length) } = answer.headers;
    expect(Number(length)).toBe(answer.body.length);
    expect(gunzipSync(answer.body).equals(BODY)).toBe(true);
  });
});
