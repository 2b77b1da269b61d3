import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';

/** A server on this machine that accepts requests. */
export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

interface ServeOptions {
  readonly hostname?: string;
  /** By default any free one. */
  readonly port?: number;
  /**
   * Whether the process does nothing else, so that the global `Request` and `Response` may be replaced by ones that
   * cost less. Tests in the same process rely on the native ones.
   */
  readonly isAlone?: boolean;
}

/**
 * Serves an application over HTTP.
 * @throws Error the one of `listen`, such as EADDRINUSE
 */
export async function serveLocally(
  fetch: (request: Request) => Response | Promise<Response>,
  { hostname = '127.0.0.1', port = 0, isAlone = false }: ServeOptions = {},
): Promise<Served> {
  const server = serve({ fetch, hostname, port, overrideGlobalObjects: isAlone }) as Server;
  // A connection that is closed for being idle, in the moment in which it is used again, would fail that request.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (server.listening) resolve();
    else server.once('listening', resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${hostname}:${address.port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Parses the variable `PORT`.
 * @throws Error it is no port
 */
export function parsePort(text: string | undefined, fallback: number): number {
  const port = text ? Number(text) : fallback;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('PORT: expected a number from 0 to 65535');
  return port;
}

/** Calls `stop` once, on Ctrl-C or TERM, and then ends the process. Call it after everything has been started. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Miniflare's own listener would end the process before everything else is stopped.
    process.removeAllListeners(signal);
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
}

/** Prints the error's message and exits with a failure. */
export function exitWithError(error: unknown): never {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
