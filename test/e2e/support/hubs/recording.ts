import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from '../listen.ts';

/** A request to a server of the tests, with all its headers. */
export interface Received {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** A server that remembers who sent it what. */
export interface RecordingServer {
  readonly url: string;
  readonly received: readonly Received[];
}

/**
 * Starts a server.
 * @param answer ends each of its answers
 * @param name by which it is known; both are this machine, but clients take them for two hosts, as servers of public
 * registries are
 */
export async function startRecordingServer(
  answer: (request: Received, response: ServerResponse) => ServerResponse,
  name: '127.0.0.1' | 'localhost' = '127.0.0.1',
): Promise<RecordingServer> {
  const received: Received[] = [];
  const server = createServer(({ method = '', url = '', headers }: IncomingMessage, response) => {
    const request = { method, path: url, headers };
    received.push(request);
    answer(request, response);
  });
  return { url: (await listen(server)).replace('127.0.0.1', name), received };
}

/** Ends an answer with an error of the distribution specification. */
export function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): ServerResponse {
  const body = JSON.stringify({ errors: [{ code, message: 'of the tests' }] });
  return response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}
