import { unstable_getVarsForDev as readDevVars, type Unstable_Config as WranglerConfig } from 'wrangler';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { variableNames } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/settings.ts';
import { readWranglerConfig } from '../wranglerConfig.ts';

/** What would be deployed. */
export interface Project {
  /** The configuration of wrangler, as `wrangler deploy` reads it. */
  readonly wrangler: WranglerConfig;
  /** The variables, secrets and bindings of the Worker. A binding is a text here. */
  readonly env: Environment;
}

const BOUND = 'bound in the configuration of wrangler';

/**
 * Reads what the Worker would be given: the variables of wrangler's configuration, over them those of `.dev.vars` next
 * to it, and over them those of this process. The last two stand for the secrets, which nobody can read back.
 * @throws Error the file is missing, or wrangler does not accept it
 */
export async function readProject(
  file: string,
  processEnv: Readonly<Record<string, string | undefined>>,
): Promise<Project> {
  const { wrangler } = await readWranglerConfig(file);
  const devVars = readDevVars(file, undefined, {}, undefined, true);
  const secrets = Object.fromEntries(Object.entries(devVars).map(([name, { value }]) => [name, value]));
  const given: Environment = { ...wrangler.vars, ...secrets };
  const names = variableNames(BACKENDS, processEnv.UPSTREAMS ?? given.UPSTREAMS);
  const own = Object.fromEntries(names.flatMap((name) => (processEnv[name] ? [[name, processEnv[name]]] : [])));
  return { wrangler, env: { ...given, ...own, ...bindingsOf(wrangler) } };
}

/** Returns the bindings that the Worker knows, each only if it is of the right kind. */
function bindingsOf({ durable_objects, kv_namespaces, r2_buckets }: WranglerConfig): Environment {
  const objects = durable_objects.bindings.filter(({ name }) => name === 'REPOSITORIES' || name === 'METRICS');
  return {
    ...Object.fromEntries(objects.map(({ name }) => [name, BOUND])),
    ...(kv_namespaces.some(({ binding }) => binding === 'DESCRIPTORS') && { DESCRIPTORS: BOUND }),
    ...(r2_buckets.some(({ binding }) => binding === 'BLOBS') && { BLOBS: BOUND }),
  };
}
