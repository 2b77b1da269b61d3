import type { Redis } from '@upstash/redis/cloudflare';
import { STORE_TIMEOUT_MS } from '../options.ts';

export interface RedisAddress {
  /** The URL of the Upstash REST API. */
  readonly url: string;
  readonly token: string;
}

/**
 * Creates a client of Upstash Redis that rejects a request which exceeds the time limit. The package is a module of its
 * own in the bundle, half as large as all the rest, and only an edge on Redis parses it.
 * @param timeoutMs the time limit of each request
 */
export async function createRedis({ url, token }: RedisAddress, timeoutMs = STORE_TIMEOUT_MS): Promise<Redis> {
  const { Redis } = await import('@upstash/redis/cloudflare');
  return new Redis({
    url,
    token,
    // By default the client shares pipelines across requests, tries six times, waits forever, turns the string "12345"
    // into a number, has the server encode every text once more (base64), and sends telemetry. The signal has to be a
    // function: with an object the client turns a timeout into null, that is, into a miss.
    enableAutoPipelining: false,
    retry: { retries: 0 },
    signal: () => AbortSignal.timeout(timeoutMs),
    automaticDeserialization: false,
    responseEncoding: false,
    enableTelemetry: false,
    // Replicas follow later. One that is asked with the token of the last answer has seen what this isolate wrote.
    readYourWrites: true,
  });
}
