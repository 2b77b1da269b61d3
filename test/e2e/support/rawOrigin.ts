import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { atEnd } from './cleanup.ts';

/** What an origin does with a request whose head has come; the rest of it may follow on the socket. */
export type Answering = (socket: Socket, head: string) => void;

/** An origin that writes its bytes itself, which no HTTP server would. @returns its URL */
export async function startRawOrigin(answer: Answering): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    let text = '';
    const read = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', read).resume();
      answer(socket, text.slice(0, end));
    };
    socket.on('data', read);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An answer without a body, after which the connection is closed. */
export function answerWith(socket: Socket, status: string, ...headers: readonly string[]): void {
  socket.end([`HTTP/1.1 ${status}`, 'Connection: close', ...headers, '', ''].join('\r\n'), 'latin1');
}
