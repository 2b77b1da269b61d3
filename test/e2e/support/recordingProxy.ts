import type { IncomingMessage } from 'node:http';
import type { Received, RecordingServer } from './hubs/recording.ts';
import { type CountingProxy, startCountingProxy } from './proxy.ts';

/** A proxy that remembers who sent it what, as long as it is not made to fail otherwise. */
export type RecordingProxy = CountingProxy & RecordingServer;

/**
 * Starts a proxy in front of a registry, which gets only the requests that are accepted; any other one is a 401 that
 * demands HTTP Basic.
 */
export async function startRecordingProxy(
  target: string,
  isAccepted: (request: Received) => boolean = () => true,
): Promise<RecordingProxy> {
  const received: Received[] = [];
  const proxy = await startCountingProxy(target);
  function fails({ method = '', url: path = '', headers }: IncomingMessage): boolean {
    const request = { method, path, headers };
    received.push(request);
    return !isAccepted(request);
  }
  const body = '{"errors":[{"code":"UNAUTHORIZED","message":"of the proxy"}]}';
  proxy.failWith(401, { 'www-authenticate': 'Basic realm="origin"' }, { body, fails });
  return Object.assign(proxy, { received });
}
