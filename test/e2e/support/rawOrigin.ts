import { createServer, type Socket } from 'node:net';
import { listen } from './listen.ts';

/**
 * What an origin does with a request.
 * @param socket the connection, on which the request's body may follow
 * @param head the request line and the headers
 */
export type Answering = (socket: Socket, head: string) => void;

/**
 * Starts an origin that writes the bytes of its answers itself, and so may send what no HTTP server would.
 * @returns its URL
 */
export async function startRawOrigin(answer: Answering): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    let text = '';
    const read = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', read).resume();
      answer(socket, text.slice(0, end));
    };
    socket.on('data', read);
  });
  return listen(server);
}

/** Answers without a body, and closes the connection. */
export function answerWith(socket: Socket, status: string, ...headers: readonly string[]): void {
  socket.end([`HTTP/1.1 ${status}`, 'Connection: close', ...headers, '', ''].join('\r\n'), 'latin1');
}
