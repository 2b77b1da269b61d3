import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * The ports lie below those of outgoing connections (on Linux, 32768 and above), so that no connection occupies one
 * between its choice and the server's start. Each worker of the test run has a range of its own.
 */
const FIRST_PORT = 20_000;
const PORTS_PER_WORKER = 500;

let next = FIRST_PORT + (Number(process.env.VITEST_POOL_ID ?? 1) % 20) * PORTS_PER_WORKER + (process.pid % 100);

/** Finds a port of 127.0.0.1 on which nobody listens; returns each port only once. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next++;
    if (await isFree(port)) return port;
  }
}

/** Whether a server could listen on this port of 127.0.0.1. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
