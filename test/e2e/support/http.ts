import { Agent, type IncomingMessage, request as open } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

export interface Answer {
  readonly status: number;
  /** By name in lower case; several lines of one name are joined, as RFC 9110 §5.3 has it. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Sent {
  /** Of an array, each value goes on a line of its own. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** In chunks where the headers tell no length. */
  readonly body?: Buffer | string | Readable;
}

/** Keeps connections open, as registry clients do. */
const agent = new Agent({ keepAlive: true });

/** One request as it is, one answer as it is: nothing is followed, decoded or normalized. */
export async function request(method: string, url: string, { headers, body }: Sent = {}): Promise<Answer> {
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    const sending = open(url, { method, agent, headers: { ...headers } }, resolve).on('error', reject);
    if (body instanceof Readable) pipeline(body, sending).catch(reject);
    else sending.end(body);
  });
  const pairs = Object.entries(message.headersDistinct).map(([name, lines = []]) => [name, lines.join(', ')] as const);
  return { status: message.statusCode ?? 0, headers: Object.fromEntries(pairs), body: await buffer(message) };
}

export function head(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return request('HEAD', url, { headers });
}

/** HTTP Basic. */
export function basic(name: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
}
