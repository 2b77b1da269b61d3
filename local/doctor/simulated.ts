import type { Config } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/settings.ts';
import type { UpstreamConfig } from '../../src/config/upstream.ts';
import { startIsolates } from '../edge.ts';
import { textOf } from '../wranglerConfig.ts';
import { advice, type Finding, ok } from './finding.ts';
import { tryImage } from './trial.ts';

/** Runs the built Worker on this machine with the configuration, and asks it for an image as clients would. */
export async function trySimulated(
  { backend }: Config,
  upstream: UpstreamConfig,
  env: Environment,
  image: string,
): Promise<Finding[]> {
  const { prefix, hosts, ns } = upstream.chosenBy;
  if (upstream.clientAuth === 'basic') return [ok('users of the edge can only be tried at a running edge: use --edge')];
  if (hosts.length > 0) return [advice(`${upstream.alias} is chosen by its host`, `use --edge https://${hosts[0]}`)];
  const edge = await startIsolates([{ hostname: '127.0.0.1', port: 0, variables: textsOf(env) }], {
    log: () => undefined,
  });
  try {
    const [url = ''] = edge.urls;
    const name = prefix === undefined ? image : `${prefix}/${image}`;
    const findings = await tryImage({ url, loginHost: upstream.originUrl.host, image: name, ns: ns[0] });
    const where = backend.kind === 'redis' ? 'your Redis' : `a simulated store (${backend.kind})`;
    return [ok(`the Worker ran on this machine, with ${where}, and was asked three times at most:`), ...findings];
  } finally {
    await edge.stop();
  }
}

/** Returns the variables as a process has them. */
function textsOf(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, textOf(value)]));
}
