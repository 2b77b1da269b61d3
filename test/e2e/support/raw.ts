import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface RawAnswer {
  readonly status: number;
  /** Everything after the headers. */
  readonly body: string;
}

/**
 * Sends a request line as it is, which no HTTP client would do with `..`, `\` and bytes that are not ASCII.
 * @param target such as `/v2/a/../b`; each character is sent as one byte
 * @param host the Host header, by default the host of `url`
 */
export async function rawRequest(
  url: string,
  method: string,
  target: string,
  headers = '',
  host = new URL(url).host,
): Promise<RawAnswer> {
  return sendRaw(url, `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`);
}

/**
 * Sends a request as it is and half-closes the connection.
 * @param bytes each character is sent as one byte
 * @returns all that the other side sends until it closes the connection
 */
export async function sendRaw(url: string, bytes: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end(Buffer.from(bytes, 'latin1'));
  const text = (await buffer(socket)).toString('latin1');
  const headEnd = text.indexOf('\r\n\r\n');
  return { status: Number(text.slice(9, 12)), body: text.slice(headEnd + 4) };
}
