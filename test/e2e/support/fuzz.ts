import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { mulberry32 } from './random.ts';

/** What a client sends on one connection: one request, or several in a row without waiting for the answers. */
export interface Sent {
  readonly bytes: string;
  /** What the client does after the last byte: it waits for an answer, half-closes the connection, or leaves. */
  readonly end: 'wait' | 'half-close' | 'leave';
}

/** The repository, the digests and the tag that requests name. */
export interface Seeds {
  readonly name: string;
  readonly digests: readonly string[];
  readonly tag: string;
}

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** The runtime answers the methods that it does not know with 501. */
const ODD_METHODS = ['TRACE', 'CONNECT', 'PROPFIND', 'PURGE', 'QUERY', 'LOCK'];
const ESCAPES = ['%2F', '%2f', '%3A', '%40', '%2e', '%2E%2E', '%25', '%00', '%5C', '%zz', '%', '%C3%A4', '%73', '%2B'];
const PIECES = [
  '.',
  '..',
  '',
  '//',
  '\\',
  ';x',
  '|',
  '~',
  '@',
  ':',
  'blobs',
  'uploads',
  'manifests',
  'tags',
  'list',
  '_catalog',
  'ü',
];
const QUERIES = [
  '',
  '',
  '',
  '?',
  '?n=2',
  '?ns=docker.io',
  '?ns=%2e%2e',
  '?digest=',
  '?mount=x&from=y',
  '?tag=a&tag=b',
  '?a=%zz',
  '?;',
  '?\'"',
  '??',
  '?#',
];
const HOSTS = [
  'edge',
  'edge',
  'edge',
  'EDGE:80',
  '[::1]',
  'a/v2/b?',
  'a?',
  'u@a',
  'a b',
  '',
  ':',
  'a\\b',
  'x'.repeat(300),
];
const HEADERS = [
  'Accept: */*',
  'Accept: application/vnd.oci.image.manifest.v1+json',
  'Accept: ,;q=0,, x/y;q=',
  'Authorization: Basic YTpi',
  'Authorization: \xff\xfe',
  'Authorization: Bearer a.b.c',
  'Range: bytes=0-',
  'Range: bytes=5-2',
  'Range: bytes=99999999999999999999-',
  'Range: items=0-1, bytes=-',
  'If-None-Match: *',
  'If-None-Match: W/"x", sha256:x',
  'If-Range: "x"',
  'Content-Range: 5-1',
  'Content-Range: x',
  'Content-Type: application/vnd.oci.image.manifest.v1+json',
  'Content-Type: \x01',
  'Connection: accept, authorization, host, x',
  'Connection: upgrade',
  'Upgrade: websocket',
  'Expect: 100-continue',
  'TE: trailers, chunked',
  'Cookie: a=b',
  'Origin: https://browser.test',
  'X-Forwarded-Host: evil.test',
  'X-Forwarded-Proto: https',
  'Forwarded: host=evil.test;proto=gopher',
  'CDN-Loop: registry-edge, a;b="c',
  'Cache-Control: only-if-cached, max-stale',
  'Transfer-Encoding: gzip',
  'Accept-Encoding: gzip, br',
  'X-Long: LONG',
  'Bad Header: x',
  'No-Colon',
  ': empty',
];
const BODIES = [
  '\r\n',
  'Content-Length: 0\r\n\r\n',
  'Content-Length: 3\r\n\r\nabc',
  'Content-Length: 2\r\n\r\n{}',
  'Content-Length: 9\r\n\r\nabc',
  'Content-Length: 1\r\n\r\nabc',
  'Content-Length: -1\r\n\r\nabc',
  'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
  'Content-Length: x\r\n\r\nabc',
  'Content-Length: 99999999999999999999\r\n\r\nabc',
  'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'Transfer-Encoding: chunked\r\n\r\n3;ext="x"\r\nabc\r\n0\r\nTrailer: x\r\n\r\n',
  'Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n',
  'Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n',
  'Transfer-Encoding: chunked\r\n\r\n-1\r\n',
  'Transfer-Encoding: chunked\r\n\r\n3\r\nab',
  'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
];

/** Makes requests that clients send, and many that no client should; equal seeds make equal requests. */
export function createFuzzer(seed: number, { name, digests, tag }: Seeds): () => Sent {
  const random = mulberry32(seed);
  const chance = (share: number) => random() < share;
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

  function makePath(): string {
    const digest = pick(digests);
    const valid = pick([
      '/v2/',
      '/v2',
      '/v2/_catalog',
      `/v2/${name}/blobs/${digest}`,
      `/v2/${name}/manifests/${digest}`,
      `/v2/${name}/manifests/${tag}`,
      `/v2/${name}/tags/list`,
      `/v2/${name}/referrers/${digest}`,
      `/v2/${name}/blobs/uploads/`,
      `/v2/${name}/blobs/uploads/3f2a-11?_state=x`,
      `/_edge/cache/${name}`,
      `/_edge/descriptors/${digest}`,
      '/_edge/events',
    ]);
    let text = valid;
    for (let changes = chance(0.6) ? 1 + Math.floor(random() * 3) : 0; changes > 0; changes--) text = mutate(text);
    return text.startsWith('/') || chance(0.2) ? text : `/${text}`;
  }

  function mutate(text: string): string {
    const at = Math.floor(random() * (text.length + 1));
    const [before, after] = [text.slice(0, at), text.slice(at)];
    switch (pick(['escape', 'piece', 'encode', 'cut', 'byte', 'repeat'])) {
      case 'escape':
        return before + pick(ESCAPES) + after;
      case 'piece':
        return `${before}/${pick(PIECES)}/${after}`.replace('//', chance(0.5) ? '/' : '//');
      case 'encode':
        return `${before}%${(after.charCodeAt(0) || 0x2f).toString(16).padStart(2, '0')}${after.slice(1)}`;
      case 'cut':
        return before + after.slice(Math.floor(random() * 10));
      case 'byte':
        return before + String.fromCharCode(Math.floor(random() * 256)) + after;
      default:
        return before + 'a'.repeat(Math.floor(random() * 2_000)) + after;
    }
  }

  function makeRequest(): string {
    const method = chance(0.08) ? pick(ODD_METHODS) : pick(METHODS);
    const lines = Array.from({ length: Math.floor(random() * 4) }, () =>
      pick(HEADERS).replace('LONG', 'x'.repeat(9_000)),
    );
    const body = /^(?:GET|HEAD|OPTIONS)$/.test(method) && chance(0.8) ? '\r\n' : pick(BODIES);
    const head = [
      `${method} ${makePath()}${pick(QUERIES)} HTTP/1.${chance(0.95) ? 1 : 0}`,
      `Host: ${chance(0.85) ? 'edge' : pick(HOSTS)}`,
    ];
    if (chance(0.4)) head.push('Connection: close');
    return `${[...head, ...lines].join('\r\n')}\r\n${body}`;
  }

  return () => {
    const requests = Array.from({ length: chance(0.1) ? 2 + Math.floor(random() * 3) : 1 }, makeRequest);
    const text = requests.join('');
    const bytes = chance(0.05) ? text.slice(0, Math.floor(random() * text.length)) : text;
    return { bytes, end: chance(0.05) ? 'leave' : chance(0.3) ? 'half-close' : 'wait' };
  };
}

/** After this silence an answer is complete, since a server need not close the connection. */
const QUIET_MS = 60;
/** A client waits so long for the first byte, since a server may wait for the rest of a broken request. */
const PATIENCE_MS = 400;

/**
 * Sends bytes as they are. A client that waits in vain half-closes the connection.
 * @param limitMs after the client's last action, the server has so long to answer or to close the connection
 * @returns what was answered; `undefined` if the server did neither in time
 */
export async function send(url: string, { bytes, end }: Sent, limitMs: number): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  let isClosed = false;
  let lastAt = 0;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isClosed = true;
  });
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
    lastAt = Date.now();
  });
  const isDone = () => isClosed || (text !== '' && Date.now() - lastAt > QUIET_MS);
  async function waitUntilDone(ms: number): Promise<void> {
    for (const endsAt = Date.now() + ms; !isDone() && Date.now() < endsAt; ) await setTimeout(5);
  }

  socket.write(Buffer.from(bytes, 'latin1'));
  if (end === 'wait') await waitUntilDone(PATIENCE_MS);
  if (end !== 'leave') socket.end();
  await waitUntilDone(end === 'leave' ? 5 : limitMs);
  const isAnswered = end === 'leave' || isDone();
  socket.destroy();
  return isAnswered ? text : undefined;
}
