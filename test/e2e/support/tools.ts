import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { cleanUp } from './cleanup.ts';

/** The software of others that the tests run against, by the name of its command. */
export const TOOLS = ['crane', 'docker-registry', 'oras', 'redis-server', 'regctl', 'registry', 'skopeo'] as const;
export type Tool = (typeof TOOLS)[number];

export const BACKENDS = ['kv', 'redis', 'inmemory'] as const;
export type BackendKind = (typeof BACKENDS)[number];

/** Where a tool is: on the `PATH`, or where `go install` puts it. Of `registry`, any before 3.1 is overlooked. */
export function find(tool: Tool): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...goFolders()];
  return folders.map((folder) => join(folder, tool)).find((path) => isExecutable(path) && isRecent(tool, path));
}

/** Those of the tools that are not on this machine. */
export function missing(tools: readonly Tool[]): Tool[] {
  return tools.filter((tool) => !find(tool));
}

function goFolders(): string[] {
  const { GOBIN, GOPATH = join(homedir(), 'go') } = process.env;
  return [...(GOBIN ? [GOBIN] : []), ...GOPATH.split(delimiter).map((path) => join(path, 'bin'))];
}

/** Before 3.1 `distribution` left entries that revive (CVE-2026-35172), and none is tested as `registry`. */
function isRecent(tool: Tool, path: string): boolean {
  if (tool !== 'registry') return true;
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  const [, major, minor] = / v(\d+)\.(\d+)\./.exec(stdout ?? '')?.map(Number) ?? [];
  return major !== undefined && minor !== undefined && (major > 3 || (major === 3 && minor >= 1));
}

/** Whether a path is a program. */
export function isExecutable(path: string): boolean {
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
