import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../src/config/config.ts';

const STATE_FOLDER = fileURLToPath(new URL('../.registry-edge', import.meta.url));

/** Returns the folder of the simulated stores in front of an embedded origin. */
export function embeddedStateFolder(port: number): string {
  return join(STATE_FOLDER, `embedded-${port}`);
}

/**
 * Returns the folder of the simulated stores in front of these registries: a descriptor of one registry is not valid
 * for another.
 */
export function stateFolder({ upstreams }: Pick<Config, 'upstreams'>): string {
  const [first, ...others] = upstreams;
  if (others.length === 0 && first.alias === '') return join(STATE_FOLDER, encodeURIComponent(first.originUrl.href));
  // All of their addresses together may be too long for the name of a folder.
  const all = upstreams.map(({ alias, originUrl }) => `${alias} ${originUrl.href}`).join('\n');
  return join(STATE_FOLDER, `several-${createHash('sha256').update(all).digest('hex').slice(0, 16)}`);
}
