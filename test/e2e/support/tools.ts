import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { cleanUp } from './cleanup.ts';

/** The programs that the tests need, by the names of their commands. */
export const TOOLS = [
  'buildctl',
  'buildkitd',
  'chromium',
  'containerd',
  'crane',
  'ctr',
  'docker',
  'docker-registry',
  'dockerd',
  'oci-conformance',
  'olareg',
  'oras',
  'podman',
  'prometheus',
  'promtool',
  'redis-server',
  'regctl',
  'registry',
  'skopeo',
] as const;
export type Tool = (typeof TOOLS)[number];

export const BACKENDS = ['durable', 'kv', 'redis', 'inmemory'] as const;
export type BackendKind = (typeof BACKENDS)[number];

/** Tools that work without root only on machines that were set up for that. */
const FOR_ROOT: readonly Tool[] = ['buildkitd', 'containerd', 'dockerd', 'podman'];

/**
 * Finds a tool on the `PATH` or where `go install` puts it; ignores a `registry` before 3.1, and tools that this user
 * may not run.
 */
export function findTool(tool: Tool): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...goFolders()];
  return folders.map((folder) => join(folder, tool)).find((path) => isExecutable(path) && isUsable(tool, path));
}

/** Returns the tools that this machine lacks. */
export function missingTools(tools: readonly Tool[]): Tool[] {
  return tools.filter((tool) => !findTool(tool));
}

/** The tools that a backend of the descriptor cache needs. */
export function toolsOf(backend: BackendKind): readonly Tool[] {
  return backend === 'redis' ? ['redis-server'] : [];
}

function goFolders(): string[] {
  const { GOBIN, GOPATH = join(homedir(), 'go') } = process.env;
  return [...(GOBIN ? [GOBIN] : []), ...GOPATH.split(delimiter).map((path) => join(path, 'bin'))];
}

function isUsable(tool: Tool, path: string): boolean {
  if (FOR_ROOT.includes(tool)) return process.getuid?.() === 0;
  return tool !== 'registry' || isRecent(path);
}

/** Whether a `registry` is 3.1 or later: before, `distribution` left entries that revive (CVE-2026-35172). */
function isRecent(path: string): boolean {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  const [, major, minor] = / v(\d+)\.(\d+)\./.exec(stdout ?? '')?.map(Number) ?? [];
  return major !== undefined && minor !== undefined && (major > 3 || (major === 3 && minor >= 1));
}

/** Whether a path is an executable file. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A `describe` whose tests need these tools, and after which everything that they started is stopped. If a tool is
 * missing, the tests are skipped and the title names the tool; with `CI=true` they fail.
 */
export function describeWith(tools: readonly Tool[], title: string, body: () => void): void {
  const absent = missingTools(tools).join(', ');
  if (absent && process.env.CI === 'true') {
    describe(title, () => {
      test(`needs ${absent}`, () => {
        throw new Error(`install ${absent}`);
      });
    });
    return;
  }
  describe.skipIf(absent)(absent ? `${title} [skipped: no ${absent}]` : title, () => {
    afterAll(cleanUp);
    body();
  });
}

/** Runs the same tests once for each backend of the descriptor cache. */
export function describeBackends(tools: readonly Tool[], title: string, body: (backend: BackendKind) => void): void {
  for (const backend of BACKENDS) {
    describeWith([...tools, ...toolsOf(backend)], `BLOBDESCRIPTOR=${backend}: ${title}`, () => body(backend));
  }
}
