/// <reference path="../../local/worker.d.ts" />
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { unstable_readConfig as readConfig } from 'wrangler';
import { checkDeployment } from '../../local/doctor/deployment.ts';
import { readWranglerConfig } from '../../local/wranglerConfig.ts';
import { BYTE_BACKENDS } from '../../src/assembleBytes.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';

const EXAMPLES = readdirSync('examples').filter((name) => name !== 'clients' && !name.endsWith('.md'));
const fileOf = (name: string) => `examples/${name}/wrangler.toml`;
const LIMIT_MS = 60_000;

/** A value of each secret that is valid. */
const SECRETS: Readonly<Record<string, string>> = {
  ADMIN_TOKEN: 'a-token-of-operators',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-access-key',
  COMPANY_EVENTS_TOKEN: 'a-token-of-events',
  EVENTS_TOKEN: 'a-token-of-events',
  GOOGLE_SERVICE_ACCOUNT: JSON.stringify({
    ...{
      client_email: 'edge@example.test',
      private_key: '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----',
    },
    token_uri: 'https://oauth2.googleapis.com/token',
  }),
  ORIGIN_PASSWORD: 'a password',
  TOKEN_PUBLIC_KEYS: '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----',
  UPSTASH_REDIS_REST_TOKEN: 'a-token-of-the-database',
  USERS: JSON.stringify({ cluster: { secret: '0'.repeat(64), pull: ['team/*'] } }),
};

/** What an example may have of its own; everything else is that of the wrangler.toml at the root. */
const OWN = ['configPath', 'userConfigPath', 'name', 'topLevelName', 'routes', 'vars', 'secrets'];
const STORES = ['kv_namespaces', 'r2_buckets'];

function settingsOf(file: string) {
  const entries = Object.entries(readConfig({ config: file })).filter(([name]) => ![...OWN, ...STORES].includes(name));
  return Object.fromEntries(entries);
}

/** Reads the configuration as the deployed Worker does. @param without the secrets that are not set */
async function parse(name: string, without: readonly string[] = []) {
  const { bindings, secrets } = await readWranglerConfig(fileOf(name));
  const set = secrets.filter((secret) => !without.includes(secret)).map((secret) => [secret, SECRETS[secret]] as const);
  const bound = bindings.map((binding) => [binding, 'bound'] as const);
  const { vars } = readConfig({ config: fileOf(name) });
  return parseConfig({ ...vars, ...Object.fromEntries([...set, ...bound]) }, BACKENDS, BYTE_BACKENDS);
}

describe.each(EXAMPLES)('examples/%s', (name) => {
  it('differs from the wrangler.toml at the root in what is its own', () => {
    expect(settingsOf(fileOf(name))).toEqual(settingsOf('wrangler.toml'));
  });

  it('is valid with the stores that it binds and the secrets that it requires, and nothing in it is without effect', async () => {
    expect((await parse(name)).warnings).toEqual([]);
    const { wrangler } = await readWranglerConfig(fileOf(name));
    expect(checkDeployment(wrangler).filter(({ level }) => level !== 'ok')).toEqual([]);
  });
});

/** What wrangler makes of an example, besides what all have in common. */
function kindOf(name: string): string {
  const config = readConfig({ config: fileOf(name) });
  const bound = STORES.filter((store) => (config[store as keyof typeof config] as unknown[] | undefined)?.length);
  return [...bound, ...('UPSTREAMS' in config.vars ? ['upstreams'] : []), ...(config.routes ? ['routes'] : [])].join();
}

/** One of each kind: a dry run builds the Worker, and takes seconds. */
const OF_EACH_KIND = [...Map.groupBy(EXAMPLES, kindOf).values()].flatMap(([first = '']) => first);

// One after the other.
it.each(OF_EACH_KIND)('examples/%s can be deployed as it stands', { timeout: LIMIT_MS }, async (name) => {
  const args = ['wrangler', 'deploy', '--dry-run', '--config', fileOf(name)];
  const { stdout, stderr } = await promisify(execFile)('npx', args);
  expect(stdout).toContain('--dry-run: exiting now.');
  expect(stdout + stderr).not.toContain('WARNING');
});

it.each([
  ['ecr', 'USERS'],
  ['ecr', 'AWS_SECRET_ACCESS_KEY'],
  ['google', 'GOOGLE_SERVICE_ACCOUNT'],
  ['ci-push', 'ORIGIN_PASSWORD'],
  ['several', 'COMPANY_EVENTS_TOKEN', 'UPSTREAMS.company.EVENTS_TOKEN_SECRET'],
  ['shared-redis', 'UPSTASH_REDIS_REST_TOKEN'],
])('examples/%s is not valid without %s', async (name, secret, named = secret) => {
  await expect(parse(name, [secret])).rejects.toThrow(`${named}: `);
});
