import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { cleanUp } from './cleanup.ts';

/** The software of others that the tests run against, by the name of its command. */
export const TOOLS = ['docker-registry', 'redis-server', 'skopeo'] as const;
export type Tool = (typeof TOOLS)[number];

export const BACKENDS = ['kv', 'redis', 'inmemory'] as const;
export type BackendKind = (typeof BACKENDS)[number];

/** Those of the tools that are not on the `PATH`. */
export function missing(tools: readonly Tool[]): Tool[] {
  return tools.filter((tool) => !(process.env.PATH ?? '').split(delimiter).some((at) => isExecutable(join(at, tool))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A `describe` whose tests need these tools, and after which everything that they started is ended. Without a tool it is
 * skipped and its title names the tool; with `CI=true` that is a failure.
 */
export function describeWith(tools: readonly Tool[], title: string, body: () => void): void {
  const absent = missing(tools).join(', ');
  if (absent && process.env.CI === 'true') {
    describe(title, () => {
      test(`needs ${absent}`, () => {
        throw new Error(`not installed: ${absent}`);
      });
    });
    return;
  }
  describe.skipIf(absent)(absent ? `${title} [skipped: no ${absent}]` : title, () => {
    afterAll(cleanUp);
    body();
  });
}

/** The same once for every backend of the descriptor cache. */
export function describeBackends(tools: readonly Tool[], title: string, body: (backend: BackendKind) => void): void {
  for (const backend of BACKENDS) {
    const needed: readonly Tool[] = backend === 'redis' ? [...tools, 'redis-server'] : tools;
    describeWith(needed, `BLOBDESCRIPTOR=${backend}: ${title}`, () => body(backend));
  }
}
