import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { atEnd } from './cleanup.ts';

export interface Recorded {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Takes whatever it is sent, and keeps it. */
export interface Recorder {
  readonly url: string;
  /** In the order in which it came. */
  readonly recorded: readonly Recorded[];
}

export async function startRecorder(): Promise<Recorder> {
  const recorded: Recorded[] = [];
  const server = createServer(async (request, answer) => {
    recorded.push({ headers: request.headers, body: await text(request) });
    answer.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, recorded };
}
