import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (Linux: from 32768), so that none of those takes one between
 * the moment when it is chosen and the one when a server listens. Every worker of the test run has a range of its own.
 */
const FIRST_PORT = 20_000;
const PORTS_PER_WORKER = 500;

let next = FIRST_PORT + (Number(process.env.VITEST_POOL_ID ?? 1) % 20) * PORTS_PER_WORKER + (process.pid % 100);

/** A port of 127.0.0.1 on which nobody listens; each is given once. */
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
