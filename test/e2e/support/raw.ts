import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface RawAnswer {
  readonly status: number;
  /** All after the headers. */
  readonly body: string;
}

/**
 * Sends a request line as it is, which no HTTP client would: `..`, `\`, bytes that are no ASCII.
 * @param target such as `/v2/a/../b`, one character a byte
 * @param host in the Host header, in place of the one of `url`
 */
export async function rawRequest(
  url: string,
  method: string,
  target: string,
  headers = '',
  host = new URL(url).host,
): Promise<RawAnswer> {
  return rawAnswer(url, `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`);
}

/**
 * Sends bytes, one character a byte, and half-closes the connection.
 * @returns what comes until the other side closes it
 */
export async function rawAnswer(url: string, bytes: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end(Buffer.from(bytes, 'latin1'));
  const text = (await buffer(socket)).toString('latin1');
  const headEnd = text.indexOf('\r\n\r\n');
  return { status: Number(text.slice(9, 12)), body: text.slice(headEnd + 4) };
}
