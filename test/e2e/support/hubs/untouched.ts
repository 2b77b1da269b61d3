import { createServer } from 'node:net';
import { listen } from '../listen.ts';

/** A server to which nobody should connect. */
export interface Untouched {
  readonly url: string;
  /** How often somebody has connected, whether or not a request followed. */
  connections(): number;
}

export async function startUntouched(): Promise<Untouched> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  return { url: await listen(server), connections: () => connections };
}
