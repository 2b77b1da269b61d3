import { join } from 'node:path';
import { temporaryFolder } from '../cleanup.ts';
import { type Outcome, runClient } from '../command.ts';
import type { EdgeUser } from '../edgeUsers.ts';
import type { Client, Login } from './client.ts';
import { startDocker } from './docker.ts';
import { newPodman } from './podman.ts';

/** How a login command ended, and the login that it left. */
export interface LoggedIn extends Login {
  readonly outcome: Outcome;
}

/** Logs in to a host over plain HTTP; `as` are options that name the user. */
type LogInCommand = (host: string, as: readonly string[], env: Login['env']) => Promise<Outcome>;

const COMMANDS: Readonly<Record<string, LogInCommand>> = {
  skopeo: (host, as, env) => runClient('skopeo', ['login', '--tls-verify=false', ...as, host], env),
  crane: (host, as, env) => runClient('crane', ['auth', 'login', '--insecure', ...as, host], env),
  oras: (host, as, env) => runClient('oras', ['login', '--plain-http', ...as, host], env),
  regctl: (host, as, env) =>
    runClient('regctl', ['--host', `reg=${host},tls=disabled`, 'registry', 'login', ...as, host], env),
  docker: async (host, as, env) => (await startDocker({ env }))('login', ...as, host),
  podman: async (host, as, env) => (await newPodman({ env }))('login', '--tls-verify=false', ...as, host),
  // ctr has no such command: it is told each time who it is.
  containerd: async () => ({ code: 0, output: '' }),
};

/** Logs a client in by its own command. */
export async function logIn({ name }: Client, host: string, { name: user, token, creds }: EdgeUser): Promise<LoggedIn> {
  const folder = await temporaryFolder();
  const [REGISTRY_AUTH_FILE, REGCTL_CONFIG] = [join(folder, 'auth.json'), join(folder, 'regctl.json')];
  const env = { DOCKER_CONFIG: folder, REGISTRY_AUTH_FILE, REGCTL_CONFIG };
  const outcome = await COMMANDS[name]?.(host, ['-u', user, '-p', token], env);
  if (!outcome) throw new TypeError(`${name} has no command to log in`);
  return { env, creds, outcome };
}
