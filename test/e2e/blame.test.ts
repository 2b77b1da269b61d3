import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { blobOf } from './support/image.ts';
import { rawAnswer, rawRequest } from './support/raw.ts';
import { answerWith, startRawOrigin } from './support/rawOrigin.ts';
import { startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const MEBIBYTE = 1024 * 1024;
const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n';
const { digest } = blobOf(Buffer.from('abc'));

describeWith(['registry'], 'an error blames the side that made it', () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge({ origin: (await startRegistry({ kind: 'registry' })).url, backend: 'inmemory' });
  });

  async function session(): Promise<string> {
    const { headers } = await request('POST', `${edge.url}/v2/a/blobs/uploads/`, {
      headers: { 'content-length': '0' },
    });
    return headers.location ?? '';
  }

  const WRITES: [string, (path: string) => [method: string, target: string]][] = [
    ['PATCH of an upload', (path) => ['PATCH', path]],
    ['PUT of a blob', (path) => ['PUT', `${path}&digest=${digest}`]],
    ['POST of a blob', () => ['POST', `/v2/a/blobs/uploads/?digest=${digest}`]],
    ['PUT of a manifest', () => ['PUT', '/v2/a/manifests/broken']],
    ['DELETE with a body', () => ['DELETE', `/v2/a/blobs/${digest}`]],
  ];
  const BROKEN: [string, string][] = [
    ['no size of a chunk', `${CHUNKED}zz\r\nabc\r\n0\r\n\r\n`],
    ['a later chunk without a size', `${CHUNKED}3\r\nabc\r\n\r\nabc\r\n0\r\n\r\n`],
    ['a chunk longer than its size', `${CHUNKED}2\r\nabc\r\n0\r\n\r\n`],
    ['a negative size', `${CHUNKED}-1\r\nabc\r\n0\r\n\r\n`],
    ['a size beyond all numbers', `${CHUNKED}FFFFFFFFFFFFFFFFFF\r\nabc`],
    ['no last chunk', `${CHUNKED}3\r\nabc\r\n`],
    ['fewer bytes than announced', 'Content-Length: 10\r\n\r\nabc'],
    ['fewer bytes than announced, of many', `Content-Length: ${9 * MEBIBYTE}\r\n\r\nabc`],
  ];
  test.for(WRITES.flatMap(([what, of]) => BROKEN.map(([how, body]) => [what, how, of, body] as const)))(
    'a %s with %s is the client’s: 400',
    async ([, , of, body]) => {
      const [method, target] = of(await session());
      const { status, body: text } = await rawAnswer(edge.url, `${method} ${target} HTTP/1.1\r\nHost: edge\r\n${body}`);
      expect([status, JSON.parse(text)]).toMatchObject([400, { errors: [{ code: 'REQUEST_INVALID' }] }]);
      expect((await head(`${edge.url}/v2/a/blobs/${digest}`)).status).toBe(404);
      expect((await head(`${edge.url}/v2/a/manifests/broken`)).status).toBe(404);
    },
  );

  test('a client that leaves in the middle is no origin out of reach in the log', async () => {
    const target = await session();
    const { hostname, port } = new URL(edge.url);
    for (const framing of ['Transfer-Encoding: chunked\r\n\r\n3\r\nabc', 'Content-Length: 10\r\n\r\nabc']) {
      const socket = connect(Number(port), hostname);
      socket.write(`PATCH ${target} HTTP/1.1\r\nHost: edge\r\n${framing}`);
      await setTimeout(200);
      socket.destroy();
    }
    const [path = ''] = target.split('?');
    await until('both are told', () => edge.process.stdout().split(`400 PATCH  ${path}`).length === 3);
    expect(edge.process.stdout()).not.toMatch(/^50[0-9] /m);
  });

  test('methods that are none for a registry are a 405, those that the runtime does not know its own 501', async () => {
    for (const method of ['TRACE', 'PROPFIND', 'LOCK', 'PURGE', 'QUERY']) {
      const { status, body } = await rawRequest(edge.url, method, '/v2/');
      expect([method, status, JSON.parse(body)]).toMatchObject([method, 405, { errors: [{ code: 'UNSUPPORTED' }] }]);
    }
    for (const method of ['TRACK', 'get', 'Post', 'FOO']) {
      expect([method, (await rawRequest(edge.url, method, '/v2/')).status]).toEqual([method, 501]);
    }
  });

  test('CONNECT reaches nobody, and is no exception', async () => {
    const { status, body } = await rawRequest(edge.url, 'CONNECT', 'registry.test:443');
    // workerd opens every tunnel before it asks; this one ends at once.
    expect([status, body]).toEqual([200, '']);
    await setTimeout(300);
    expect(edge.process.stdout() + edge.process.stderr()).not.toContain('exception');
  });
});

describeWith([], 'an error of the origin’s', () => {
  async function edgeBefore(...args: Parameters<typeof startRawOrigin>): Promise<Edge> {
    return startEdge({ origin: await startRawOrigin(...args), backend: 'inmemory' });
  }

  test('a body that the origin cuts off, or does not want, is its word: 502, 413', async () => {
    const closing = await edgeBefore((socket) => socket.destroy());
    const late = await edgeBefore((socket) => void setTimeout(100).then(() => socket.destroy()));
    const refusing = await edgeBefore((socket) => answerWith(socket, '413 Too large', 'Content-Length: 0'));
    const target = '/v2/a/blobs/uploads/x';
    const bytes = Buffer.alloc(8 * MEBIBYTE);
    for (const framing of [{}, { 'content-length': String(bytes.length) }]) {
      const patch = async ({ url }: Edge) =>
        (await request('PATCH', url + target, { headers: framing, body: bytes })).status;
      expect([await patch(closing), await patch(late), await patch(refusing)]).toEqual([502, 502, 413]);
    }
  });

  // Each is what an origin says of a repository of its own.
  const LENGTHS = [
    ...['abc', '-1', '+5', '0x10', '5, 5', '1e3', '99999999999999999999', '5;', '5 6'].map((length) => [length]),
    ...[
      ['5', '6'],
      ['5', '5'],
      ['abc', '5'],
    ],
  ];
  test('a HEAD’s Content-Length that is not a number of bytes is a 502, which the log explains', async () => {
    const type = 'Content-Type: application/vnd.oci.image.manifest.v1+json';
    const edge = await edgeBefore((socket, asked) => {
      const [, at, status = ''] = /\/v2\/r([0-9]+)-([0-9]+)\//.exec(asked) ?? [];
      const lines = (LENGTHS[Number(at)] ?? []).map((length) => `Content-Length: ${length}`);
      answerWith(socket, `${status} So`, type, ...lines);
    });
    for (const [at, lengths] of LENGTHS.entries()) {
      for (const kind of ['blobs', 'manifests']) {
        const asked = async (status: number) => {
          const path = `/v2/r${at}-${status}/${kind}/${digest}`;
          const answer = await head(edge.url + path, { accept: '*/*' });
          return [answer.status, answer.headers['content-length']];
        };
        expect([lengths, await asked(200)]).toEqual([lengths, [502, undefined]]);
        // Of what is not there it says nothing.
        expect([lengths, await asked(404)]).toEqual([lengths, [404, undefined]]);
      }
    }
    await until('the log says why', () => /Content-Length is not a number of bytes: 5;/.test(edge.process.stdout()));
  });
});
