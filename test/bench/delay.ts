import { connect, createServer } from 'node:net';
import { listen } from '../e2e/support/listen.ts';

/**
 * Puts a server on this machine at the distance of another region: bytes take so long in each direction.
 * @returns the server's URL at that distance
 */
export async function startDistance(target: string, eachWayMs: number): Promise<string> {
  const { hostname, port } = new URL(target);
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [[client, upstream] as const, [upstream, client] as const]) {
      from.setNoDelay();
      // Timers of the same length fire in the order in which they were set. The end is delayed like the bytes are.
      from.on('data', (bytes) => setTimeout(() => to.write(bytes), eachWayMs));
      from.on('close', () => setTimeout(() => to.destroy(), eachWayMs));
      from.on('error', () => to.destroy());
    }
  });
  return listen(server);
}
