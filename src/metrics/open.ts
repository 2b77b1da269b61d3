import type { MetricsNamespace, MetricsRpc } from './rpc.ts';

/** There is one object: its counts name the upstreams. */
const NAME = 'metrics';

/**
 * Returns what gives a reference to the object. A reference serves one request.
 * @param location near which the object should be placed; by default near its first caller
 */
export function openMetrics({
  namespace,
  location,
}: {
  readonly namespace: MetricsNamespace;
  readonly location: string | undefined;
}): () => MetricsRpc {
  return () => namespace.get(namespace.idFromName(NAME), { locationHint: location });
}
