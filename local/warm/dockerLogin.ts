import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A name and a password, or, with the name `<token>`, an identity token. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** What docker keeps in its `config.json` about registries; everything in it may be something else. */
interface DockerConfig {
  readonly auths?: Readonly<
    Record<string, { readonly auth?: unknown; readonly identitytoken?: unknown } | null>
  > | null;
  readonly credsStore?: unknown;
  readonly credHelpers?: Readonly<Record<string, unknown>> | null;
}

/** Docker Hub's login has a name of its own, whatever the host is called in an image's name (docker/cli, "IndexServer"). */
const HUB_HOSTS: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);
const HUB_LOGIN = 'https://index.docker.io/v1/';

const HELPER = /^[\w.-]+$/;
const HELPER_TIMEOUT_MS = 30_000;

/**
 * Returns the login that `docker login` has stored for a registry, by itself or with a credential helper.
 * @param host with its port
 * @returns `undefined`: there is none
 */
export async function dockerLogin(host: string): Promise<Login | undefined> {
  const config = await readConfig();
  const name = HUB_HOSTS.has(host) ? HUB_LOGIN : host;
  const helper = config.credHelpers?.[name] ?? config.credsStore;
  if (helper) return askHelper(String(helper), name);
  const { auth, identitytoken } = config.auths?.[name] ?? config.auths?.[`https://${name}`] ?? {};
  if (isText(identitytoken)) return { username: '<token>', password: identitytoken };
  const text = Buffer.from(isText(auth) ? auth : '', 'base64').toString();
  const colon = text.indexOf(':');
  return colon > 0 ? { username: text.slice(0, colon), password: text.slice(colon + 1) } : undefined;
}

async function readConfig(): Promise<DockerConfig> {
  const file = join(process.env.DOCKER_CONFIG || join(homedir(), '.docker'), 'config.json');
  const text = await readFile(file, 'utf8').catch(() => '{}');
  return objectIn<DockerConfig>(text, `${file} is no JSON: mend it, or log in again with docker login`);
}

/** Reads JSON, of which nothing may appear in an error: it may hold a secret. @returns an empty object for another value */
function objectIn<T extends object>(text: string, problem: string): Partial<T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error(problem);
  }
  return typeof parsed === 'object' && parsed !== null ? parsed : {};
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Asks a credential helper, as docker does (docker-credential-helpers, "get"). */
async function askHelper(helper: string, host: string): Promise<Login | undefined> {
  if (!HELPER.test(helper)) throw new Error(`docker names a credential helper that is none: ${helper}`);
  const asking = promisify(execFile)(`docker-credential-${helper}`, ['get'], { timeout: HELPER_TIMEOUT_MS });
  // A helper may end before it has read the host.
  asking.child.stdin?.on('error', () => undefined).end(host);
  const answer = await asking.catch(() => undefined);
  if (!answer) return undefined;
  const problem = `docker-credential-${helper} answered with no JSON: log in again with docker login`;
  const { Username: username, Secret: password } = objectIn<Record<string, unknown>>(answer.stdout, problem);
  return isText(username) && isText(password) ? { username, password } : undefined;
}
