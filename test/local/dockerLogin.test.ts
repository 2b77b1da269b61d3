import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dockerLogin } from '../../local/warm/dockerLogin.ts';

const HOST = 'registry.test:5000';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-'));
  vi.stubEnv('DOCKER_CONFIG', folder);
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const configure = (config: unknown) =>
  writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
/** Installs a credential helper, a shell script. */
const install = (script: string) =>
  writeFile(join(folder, 'docker-credential-test'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

describe('the login of docker', () => {
  it('is that of the registry alone', async () => {
    await configure({ auths: { [HOST]: { auth: btoa('ann:a:b') }, 'other.test': { auth: btoa('bob:c') } } });
    expect(await dockerLogin(HOST)).toEqual({ username: 'ann', password: 'a:b' });
    expect(await dockerLogin('none.test')).toBe(undefined);
  });

  it('is an identity token where docker has stored one', async () => {
    await configure({ auths: { [HOST]: { auth: btoa('ann:a'), identitytoken: 'secret' } } });
    expect(await dockerLogin(HOST)).toEqual({ username: '<token>', password: 'secret' });
  });

  it('comes from a credential helper, which is told the host alone', async () => {
    await configure({ credHelpers: { [HOST]: 'test' } });
    await install('read host; printf \'{"Username":"ann","Secret":"%s"}\' "$host"');
    expect(await dockerLogin(HOST)).toEqual({ username: 'ann', password: HOST });
  });

  it.each(['docker.io', 'index.docker.io', 'registry-1.docker.io'])(
    'is the one for Docker Hub, which docker calls by another name, at %s',
    async (host) => {
      const name = 'https://index.docker.io/v1/';
      await configure({ auths: { [name]: { auth: btoa('ann:a') } } });
      expect(await dockerLogin(host)).toEqual({ username: 'ann', password: 'a' });
      await install('read host; printf \'{"Username":"ann","Secret":"%s"}\' "$host"');
      for (const helpers of [{ credHelpers: { [name]: 'test' } }, { credsStore: 'test' }]) {
        await configure(helpers);
        expect(await dockerLogin(host)).toEqual({ username: 'ann', password: name });
      }
    },
  );

  it.each([
    ['fails', 'exit 1'],
    ['reads nothing', 'exec <&-; printf \'{"Username":"","Secret":""}\''],
    ['knows nothing', "printf '{}'"],
    ['says null', "printf 'null'"],
  ])('is none where the helper %s', async (_what, script) => {
    await configure({ credsStore: 'test' });
    await install(script);
    for (let n = 0; n < 5; n++) expect(await dockerLogin(HOST)).toBe(undefined);
  });

  it('is none where the helper is not installed', async () => {
    await configure({ credsStore: 'of-nobody' });
    for (let n = 0; n < 5; n++) expect(await dockerLogin(HOST)).toBe(undefined);
  });

  it('is in no error of a helper that answers with something else', async () => {
    await configure({ credsStore: 'test' });
    await install("printf 'hunter2'");
    const error = await dockerLogin(HOST).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('docker-credential-test');
    expect(JSON.stringify([String(error), error])).not.toContain('hunter2');
  });

  it.each([
    'null',
    '[]',
    '"text"',
    { auths: null },
    { auths: { [HOST]: null } },
    { auths: { [HOST]: 'text' } },
    { auths: { [HOST]: { auth: 5, identitytoken: {} } } },
    { auths: { [HOST]: { auth: '' } } },
    { credHelpers: { [HOST]: '' }, credsStore: '' },
    { credHelpers: 5 },
  ])('is none in a config such as %j', async (config) => {
    await configure(config);
    expect(await dockerLogin(HOST)).toBe(undefined);
  });

  it.each(['../evil', 'a b', '-', { a: 1 }])('is asked of no helper with a name such as %j', async (helper) => {
    await configure({ credsStore: helper });
    expect(await dockerLogin(HOST).then(String, String)).toMatch(/undefined|names a credential helper/);
  });

  it('says what is wrong with a config that is no JSON, and not what is in it', async () => {
    await configure('{"auths": secret}');
    const error = await dockerLogin(HOST).catch(String);
    expect(error).toContain('is no JSON');
    expect(error).not.toContain('secret');
  });
});
