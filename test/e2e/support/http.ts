import { Agent, type IncomingMessage, request as open } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface Answer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Sent {
  /** Of an array, each value goes on a line of its own. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: Buffer | string;
}

/** Keeps connections open, as registry clients do. */
const agent = new Agent({ keepAlive: true });

/** One request as it is, one answer as it is: nothing is followed, decoded or normalized. */
export async function request(method: string, url: string, { headers, body }: Sent = {}): Promise<Answer> {
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    open(url, { method, agent, headers: { ...headers } }, resolve)
      .on('error', reject)
      .end(body);
  });
  const names = message.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const pairs = names.map((name, index) => [name, message.rawHeaders[2 * index + 1] ?? ''] as const);
  return { status: message.statusCode ?? 0, headers: Object.fromEntries(pairs), body: await buffer(message) };
}

export function head(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return request('HEAD', url, { headers });
}

/** HTTP Basic. */
export function basic(name: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
}
