import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { blobOf } from './support/image.ts';
import { rawRequest, sendRaw } from './support/raw.ts';
import { type Answering, answerWith, startRawOrigin } from './support/rawOrigin.ts';
import { startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';
import { openUpload } from './support/uploads.ts';

const MEBIBYTE = 1024 * 1024;
const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n';
const { digest } = blobOf(Buffer.from('abc'));

describeWith(['registry'], 'an error that a client makes', () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge({ origin: (await startRegistry({ kind: 'registry' })).url, backend: 'inmemory' });
  });

  async function openSession(): Promise<string> {
    return (await openUpload(edge.url, 'a')).headers.location ?? '';
  }

  const WRITES: [string, (path: string) => [method: string, target: string]][] = [
    ['PATCH of an upload', (path) => ['PATCH', path]],
    ['PUT of a blob', (path) => ['PUT', `${path}&digest=${digest}`]],
    ['POST of a blob', () => ['POST', `/v2/a/blobs/uploads/?digest=${digest}`]],
    ['PUT of a manifest', () => ['PUT', '/v2/a/manifests/broken']],
    ['DELETE with a body', () => ['DELETE', `/v2/a/blobs/${digest}`]],
  ];
  const BROKEN: [string, string][] = [
    ['a chunk without a size', `${CHUNKED}zz\r\nabc\r\n0\r\n\r\n`],
    ['a later chunk without a size', `${CHUNKED}3\r\nabc\r\n\r\nabc\r\n0\r\n\r\n`],
    ['a chunk longer than its size', `${CHUNKED}2\r\nabc\r\n0\r\n\r\n`],
    ['a negative size', `${CHUNKED}-1\r\nabc\r\n0\r\n\r\n`],
    ['a size beyond 64 bits', `${CHUNKED}FFFFFFFFFFFFFFFFFF\r\nabc`],
    ['no last chunk', `${CHUNKED}3\r\nabc\r\n`],
    ['fewer bytes than announced', 'Content-Length: 10\r\n\r\nabc'],
    ['far fewer bytes than announced', `Content-Length: ${9 * MEBIBYTE}\r\n\r\nabc`],
  ];
  /** More than a manifest may have is refused unread. */
  const isTooLarge = (what: string, body: string) => what === 'PUT of a manifest' && body.includes(`${9 * MEBIBYTE}`);
  const cases = WRITES.flatMap(([what, of]) => BROKEN.map(([defect, body]) => [what, defect, of, body] as const));

  test('a PUT of a manifest that announces more than 4 MiB: 413', async () => {
    const [, body = ''] = BROKEN.at(-1) ?? [];
    const { status } = await sendRaw(edge.url, `PUT /v2/a/manifests/large HTTP/1.1\r\nHost: edge\r\n${body}`);
    expect(status).toBe(413);
  });

  test.for(cases.filter(([what, , , body]) => !isTooLarge(what, body)))(
    '%s with %s: 400, and the origin stores nothing',
    async ([, , of, body]) => {
      const [method, target] = of(await openSession());
      const { status, body: text } = await sendRaw(edge.url, `${method} ${target} HTTP/1.1\r\nHost: edge\r\n${body}`);
      expect([status, JSON.parse(text)]).toMatchObject([400, { errors: [{ code: 'REQUEST_INVALID' }] }]);
      expect((await head(`${edge.url}/v2/a/blobs/${digest}`)).status).toBe(404);
      expect((await head(`${edge.url}/v2/a/manifests/broken`)).status).toBe(404);
    },
  );

  test('a client that leaves in the middle of an upload is not logged as an unreachable origin', async () => {
    const target = await openSession();
    const { hostname, port } = new URL(edge.url);
    for (const framing of ['Transfer-Encoding: chunked\r\n\r\n3\r\nabc', 'Content-Length: 10\r\n\r\nabc']) {
      const socket = connect(Number(port), hostname);
      socket.write(`PATCH ${target} HTTP/1.1\r\nHost: edge\r\n${framing}`);
      await setTimeout(200);
      socket.destroy();
    }
    const [path = ''] = target.split('?');
    await until('both requests are logged', () => edge.process.stdout().split(`400 PATCH  ${path}`).length === 3);
    expect(edge.process.stdout()).not.toMatch(/^50[0-9] /m);
  });

  test('methods that no registry has are a 405; those that the runtime does not know are its own 501', async () => {
    for (const method of ['TRACE', 'PROPFIND', 'LOCK', 'PURGE', 'QUERY']) {
      const { status, body } = await rawRequest(edge.url, method, '/v2/');
      expect([method, status, JSON.parse(body)]).toMatchObject([method, 405, { errors: [{ code: 'UNSUPPORTED' }] }]);
    }
    for (const method of ['TRACK', 'get', 'Post', 'FOO']) {
      expect([method, (await rawRequest(edge.url, method, '/v2/')).status]).toEqual([method, 501]);
    }
  });

  test('CONNECT opens no tunnel and throws no exception', async () => {
    const { status, body } = await rawRequest(edge.url, 'CONNECT', 'registry.test:443');
    // workerd answers 200 before it asks the Worker; the tunnel ends at once.
    expect([status, body]).toEqual([200, '']);
    await setTimeout(300);
    expect(edge.process.stdout() + edge.process.stderr()).not.toContain('exception');
  });
});

describeWith([], 'an error that the origin makes', () => {
  async function startEdgeBefore(answer: Answering): Promise<Edge> {
    return startEdge({ origin: await startRawOrigin(answer), backend: 'inmemory' });
  }

  test('an upload during which the origin closes the connection is a 502; its 413 is relayed', async () => {
    const closing = await startEdgeBefore((socket) => socket.destroy());
    const late = await startEdgeBefore((socket) => void setTimeout(100).then(() => socket.destroy()));
    const refusing = await startEdgeBefore((socket) => answerWith(socket, '413 Too large', 'Content-Length: 0'));
    const target = '/v2/a/blobs/uploads/x';
    const bytes = Buffer.alloc(8 * MEBIBYTE);
    for (const framing of [{}, { 'content-length': String(bytes.length) }]) {
      const patch = async ({ url }: Edge) =>
        (await request('PATCH', url + target, { headers: framing, body: bytes })).status;
      expect([await patch(closing), await patch(late), await patch(refusing)]).toEqual([502, 502, 413]);
    }
  });

  // The origin sends each list of Content-Length lines for another repository.
  const LENGTHS = [
    ...['abc', '-1', '+5', '0x10', '5, 5', '1e3', '99999999999999999999', '5;', '5 6'].map((length) => [length]),
    ...[
      ['5', '6'],
      ['5', '5'],
      ['abc', '5'],
    ],
  ];
  test('a HEAD with an invalid Content-Length is a 502, which the log explains', async () => {
    const type = 'Content-Type: application/vnd.oci.image.manifest.v1+json';
    const edge = await startEdgeBefore((socket, requestHead) => {
      const [, position, status = ''] = /\/v2\/r([0-9]+)-([0-9]+)\//.exec(requestHead) ?? [];
      const lines = (LENGTHS[Number(position)] ?? []).map((length) => `Content-Length: ${length}`);
      answerWith(socket, `${status} So`, type, ...lines);
    });
    for (const [position, lengths] of LENGTHS.entries()) {
      for (const kind of ['blobs', 'manifests']) {
        const headOf = async (status: number) => {
          const path = `/v2/r${position}-${status}/${kind}/${digest}`;
          const answer = await head(edge.url + path, { accept: '*/*' });
          return [answer.status, answer.headers['content-length']];
        };
        expect([lengths, await headOf(200)]).toEqual([lengths, [502, undefined]]);
        // A 404 has no length to relay.
        expect([lengths, await headOf(404)]).toEqual([lengths, [404, undefined]]);
      }
    }
    await until('the log explains it', () => /Content-Length is not a number of bytes: 5;/.test(edge.process.stdout()));
  });
});
