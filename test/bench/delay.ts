import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { atEnd } from '../e2e/support/cleanup.ts';

/**
 * A way to a server on this machine that is as long as one to another region: bytes take so long in each direction.
 * @returns the server's URL by that way
 */
export async function startDistance(target: string, eachWayMs: number): Promise<string> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const onward = connect(Number(port), hostname);
    for (const [from, to] of [[client, onward] as const, [onward, client] as const]) {
      sockets.add(from.setNoDelay());
      // Timers of one length end in the order in which they began.
      from.on('data', (bytes) => setTimeout(() => to.write(bytes), eachWayMs));
      from.on('close', () => to.destroy());
      from.on('error', () => to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
