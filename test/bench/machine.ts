import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { PROJECT } from '../e2e/support/project.ts';
import { findTool, type Tool } from './tools.ts';
import { WORKERD } from './workerd.ts';

/** The machine, the commit and the versions with which the figures were measured. */
export interface Surroundings {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  /** The commit, with `-dirty` if the checkout differs from it. */
  readonly commit: string;
  /** By name, without the tools that are missing. */
  readonly versions: Readonly<Record<string, string>>;
}

/** The command that prints each tool's version; hey has none, so Debian's package is asked. */
const VERSION_COMMANDS: readonly (readonly [Tool, readonly string[]])[] = [
  ['hey', ['dpkg-query', '--show', 'hey']],
  ['redis-server', ['redis-server', '--version']],
  ['docker-registry', ['docker-registry', '--version']],
  ['registry', ['registry', '--version']],
  ['nginx', ['nginx', '-v']],
  ['skopeo', ['skopeo', '--version']],
  ['crane', ['crane', 'version']],
  ['dockerd', ['dockerd', '--version']],
];

export function surroundings(): Surroundings {
  const [core] = cpus();
  const tools = VERSION_COMMANDS.filter(([tool]) => findTool(tool)).map(([tool, command]) => [
    tool,
    versionOf(command),
  ]);
  const describe = ['describe', '--always', '--dirty', '--abbrev=7', '--exclude=*'];
  const { stdout } = spawnSync('git', describe, { cwd: PROJECT, encoding: 'utf8' });
  return {
    cpu: core?.model ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    commit: stdout.trim() || 'unknown',
    versions: { workerd: WORKERD.version, node: process.versions.node, ...Object.fromEntries(tools) },
  };
}

export function surroundingsText({ cpu, cores, memoryGib, commit, versions }: Surroundings): string {
  const versionTexts = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `Commit ${commit}; ${cpu}, ${cores} cores, ${memoryGib} GiB; ${versionTexts.join(', ')}.`;
}

function versionOf([command = '', ...args]: readonly string[]): string {
  const { stdout, stderr } = spawnSync(findTool(command as Tool) ?? command, args, { encoding: 'utf8' });
  return /\d+\.\d+[\w.+-]*/.exec(`${stdout}${stderr}`)?.[0] ?? 'of unknown version';
}
