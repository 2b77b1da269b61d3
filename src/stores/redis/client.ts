import { Redis } from '@upstash/redis/cloudflare';
import { STORE_TIMEOUT_MS } from '../options.ts';

export interface RedisAddress {
  /** Of the Upstash REST API. */
  readonly url: string;
  readonly token: string;
}

/**
 * A client of Upstash Redis that gives up in time, and says so.
 * @param timeoutMs for each request
 */
export function createRedis({ url, token }: RedisAddress, timeoutMs = STORE_TIMEOUT_MS): Redis {
  return new Redis({
    url,
    token,
    // The client's defaults would share pipelines across requests, try six times, wait forever, turn the string
    // "12345" into a number, have texts that are all UTF-8 encoded once more and report on us. A signal that is an object, not a function, would turn a time-out into
    // a null, that is, into a miss.
    enableAutoPipelining: false,
    retry: { retries: 0 },
    signal: () => AbortSignal.timeout(timeoutMs),
    automaticDeserialization: false,
    responseEncoding: false,
    enableTelemetry: false,
    readYourWrites: false,
  });
}
