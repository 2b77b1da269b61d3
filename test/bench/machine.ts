import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { PROJECT } from '../e2e/support/project.ts';
import { find, type Tool } from './tools.ts';
import { WORKERD } from './workerd.ts';

/** Where and with what the figures were made. */
export interface Surroundings {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  /** The commit, with `-dirty` where the checkout differs from it. */
  readonly commit: string;
  /** By name; tools that are missing are left out. */
  readonly versions: Readonly<Record<string, string>>;
}

/** How each tool tells its version. hey does not; Debian knows which one it installed. */
const VERSION_COMMANDS: readonly (readonly [Tool, readonly string[]])[] = [
  ['hey', ['dpkg-query', '--show', 'hey']],
  ['redis-server', ['redis-server', '--version']],
  ['docker-registry', ['docker-registry', '--version']],
  ['registry', ['registry', '--version']],
  ['nginx', ['nginx', '-v']],
];

export function surroundings(): Surroundings {
  const [core] = cpus();
  const tools = VERSION_COMMANDS.filter(([tool]) => find(tool)).map(([tool, command]) => [tool, versionOf(command)]);
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
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `Commit ${commit}; ${cpu}, ${cores} cores, ${memoryGib} GiB; ${named.join(', ')}.`;
}

function versionOf([command = '', ...args]: readonly string[]): string {
  const { stdout, stderr } = spawnSync(find(command as Tool) ?? command, args, { encoding: 'utf8' });
  return /\d+\.\d+[\w.+-]*/.exec(`${stdout}${stderr}`)?.[0] ?? 'of unknown version';
}
