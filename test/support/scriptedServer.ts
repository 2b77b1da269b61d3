import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Served } from '../../local/serve.ts';
import type { Call, Script } from './scripted.ts';

const CODERS = { gzip: gzipSync, br: brotliCompressSync };
/** Long enough that a test of long headers tests the edge and not this server. */
const MAX_HEADER_BYTES = 65_536;

/**
 * Starts a server whose URL says how it answers: `/<id>/<script>/<path>`, the script being JSON in base64url. It stands
 * for a store or an origin that fails on the wire, as no `Response` made in a test could. `/_calls/<id>` returns the
 * requests that it got.
 */
export async function startScriptedServer(): Promise<Served> {
  const calls = new Map<string, Call[]>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, id = '', script = '', ...rest] = (request.url ?? '').split('/');
    if (id === '_calls') {
      response.end(JSON.stringify(calls.get(script) ?? []));
      return;
    }
    const call: { -readonly [K in keyof Call]: Call[K] } = {
      method: request.method ?? '',
      path: `/${rest.join('/')}`,
      headers: request.headers as Record<string, string>,
      outcome: 'open',
    };
    calls.set(id, [...(calls.get(id) ?? []), call]);
    response.once('close', () => {
      call.outcome = response.writableFinished ? 'answered' : 'left';
    });
    const base = `http://${request.headers.host}/${id}/${script}`;
    const scripted = JSON.parse(Buffer.from(script, 'base64url').toString()) as Script;
    await play(request, response, call, scripted.paths?.[call.path] ?? scripted, base);
  }

  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function play(
  request: IncomingMessage,
  response: ServerResponse,
  { path }: Call,
  {
    status = 200,
    headers = {},
    body: text = '',
    long = 0,
    coding,
    waitMs = 0,
    bodyWaitMs = 0,
    instead,
    forward,
  }: Script,
  base: string,
): Promise<void> {
  const body = text.replace('{long}', 'a'.repeat(long)).replaceAll('{base}', base);
  const requestBody = Buffer.concat(await request.toArray());
  if (waitMs > 0) await delay(waitMs);
  if (instead === 'silence') return;
  if (instead === 'close') {
    request.socket.destroy();
    return;
  }
  if (forward !== undefined) {
    const { authorization = '', 'content-type': type = '', 'upstash-encoding': encoding = '' } = request.headers;
    const forwarded = { authorization, 'content-type': type, 'upstash-encoding': `${encoding}` };
    const answer = await fetch(forward + path, {
      method: request.method ?? 'GET',
      headers: forwarded,
      body: requestBody,
    });
    response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
    return;
  }
  const headerLines = Object.entries(headers).map(([name, value]) => [name, value.replaceAll('{base}', base)]);
  const responseBody = coding === undefined ? Buffer.from(body) : CODERS[coding](body);
  if (coding !== undefined)
    headerLines.push(['content-encoding', coding], ['content-length', String(responseBody.length)]);
  response.writeHead(status, Object.fromEntries(headerLines));
  response.flushHeaders();
  if (bodyWaitMs > 0) await delay(bodyWaitMs);
  response.end(request.method === 'HEAD' ? undefined : responseBody);
}
