import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Received, RecordingServer } from '../hubs/recording.ts';
import { listen } from '../listen.ts';
import type { Passwords } from './passwords.ts';

/** A stand-in for a service that gives an account its passwords. */
export interface PasswordService extends RecordingServer {
  readonly received: readonly Asked[];
  readonly passwords: Passwords;
  /** The variables of an edge with the account. */
  readonly variables: Readonly<Record<string, string>>;
  /** What was wrong with requests, each in a sentence; they were refused. */
  readonly wrong: readonly string[];
}

/** A request with its body. */
export interface Asked extends Received {
  readonly body: string;
}

/**
 * Starts a server that gives passwords.
 * @param answer the JSON of an answer @throws Error the request is wrong
 */
export async function startService(answer: (asked: Asked) => object | Promise<object>) {
  const received: Asked[] = [];
  const wrong: string[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    const asked = { method, path, headers, body: await text(request) };
    received.push(asked);
    try {
      const given = await answer(asked);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(given));
    } catch (error) {
      wrong.push(String(error));
      response.writeHead(400).end();
    }
  });
  return { url: await listen(server), received, wrong };
}
