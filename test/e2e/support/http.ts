import { Agent, type IncomingMessage, request as open } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

export interface Answer {
  readonly status: number;
  /** By name in lower case; the lines of one name are joined, as RFC 9110 §5.3 allows. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Sent {
  /** Each value of an array has a line of its own. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Sent in chunks if the headers have no Content-Length. */
  readonly body?: Buffer | string | Readable;
  /** The request target as it is sent, in place of the URL's path, which is normalized (`..`, `\\`). */
  readonly target?: string;
  /** Whether it has a connection of its own, which no later request uses. */
  readonly hasOwnConnection?: boolean;
}

/** Keeps connections open, as registry clients do. */
const agent = new Agent({ keepAlive: true });

/** Sends one request and reads the answer, both as they are: follows no redirect, decodes and normalizes nothing. */
export async function request(
  method: string,
  url: string,
  { headers, body, target, hasOwnConnection }: Sent = {},
): Promise<Answer> {
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    const shared = hasOwnConnection ? false : agent;
    const options = { method, agent: shared, headers: { ...headers }, ...(target !== undefined && { path: target }) };
    const sending = open(url, options, resolve).on('error', reject);
    if (body instanceof Readable) pipeline(body, sending).catch(reject);
    else sending.end(body);
  });
  const pairs = Object.entries(message.headersDistinct).map(([name, lines = []]) => [name, lines.join(', ')] as const);
  return { status: message.statusCode ?? 0, headers: Object.fromEntries(pairs), body: await buffer(message) };
}

export function head(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return request('HEAD', url, { headers });
}

/** The only headers in which a warm answer may differ from a cold one. */
const VARYING = new Set(['date', 'cache-status', 'server-timing']);

/** The headers in which a warm answer must equal a cold one. */
export function lastingHeaders({ headers }: Answer): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !VARYING.has(name)));
}

/** The headers that say what the content is, in which the edge's answer must equal the origin's. */
const CONTENT_HEADERS = new Set(['content-length', 'content-type', 'docker-content-digest']);

/** The headers that say what the content is. */
export function contentHeaders({ headers }: Answer): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => CONTENT_HEADERS.has(name)));
}

/** Credentials for HTTP Basic. */
export function basic(name: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
}
