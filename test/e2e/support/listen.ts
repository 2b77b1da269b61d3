import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { atEnd } from './cleanup.ts';

/**
 * Has a server listen on any free port of 127.0.0.1; after the tests it and all its connections are closed.
 * @returns its URL
 */
export async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
