import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';
import { PRESET_NAMES } from '../../src/config/presets.ts';

const BINDINGS = { REPOSITORIES: {}, DESCRIPTORS: {} };
/** What has to be set with a preset. */
const NEEDED: Readonly<Record<string, Record<string, string>>> = {
  google: { ORIGIN_URL: 'https://us-docker.pkg.dev' },
};

function parse(variables: Record<string, string>) {
  const { upstreams, warnings } = parseConfig({ ...BINDINGS, ...variables }, BACKENDS);
  return { ...upstreams[0], warnings };
}
const parsePreset = (PRESET: string, variables: Record<string, string> = {}) =>
  parse({ ...NEEDED[PRESET], PRESET, ...variables });

describe('PRESET', () => {
  it('names the registries that people mirror', () => {
    const origins = PRESET_NAMES.map((name) => [name, parsePreset(name).originUrl.href]);
    expect(Object.fromEntries(origins)).toEqual({
      'docker-hub': 'https://registry-1.docker.io/',
      ghcr: 'https://ghcr.io/',
      quay: 'https://quay.io/',
      'registry-k8s-io': 'https://registry.k8s.io/',
      mcr: 'https://mcr.microsoft.com/',
      'ecr-public': 'https://public.ecr.aws/',
      google: 'https://us-docker.pkg.dev/',
      gitlab: 'https://registry.gitlab.com/',
    });
  });

  it.each(PRESET_NAMES)('%s is an open mirror that knows its own hosts, and nothing about it has no effect', (name) => {
    const config = parsePreset(name);
    expect([config.preset, config.clientAuth, config.warnings]).toEqual([name, 'anonymous', []]);
    expect(config.mirroredHosts).toContain(config.originUrl.host);
  });

  it('docker-hub adds the namespace of its own images, and the name by which clients know it', () => {
    const { defaultNamespace, mirroredHosts } = parsePreset('docker-hub');
    expect(defaultNamespace).toBe('library');
    expect(mirroredHosts).toContain('docker.io');
  });

  it.each(PRESET_NAMES)('%s gives only defaults: whatever is set counts', (name) => {
    const config = parsePreset(name, {
      ...{ ORIGIN_URL: 'https://other.example.com', CLIENT_AUTH: 'origin', MIRRORED_HOSTS: 'example.com' },
      ...{ DEFAULT_NAMESPACE: 'team', BLOB_REDIRECT: 'follow' },
    });
    expect(config).toMatchObject({
      ...{ clientAuth: 'origin', mirroredHosts: ['example.com'], defaultNamespace: 'team', blobRedirect: 'follow' },
    });
    expect(config.originUrl.href).toBe('https://other.example.com/');
  });

  it.each(['', ' '])('an empty variable (%j) leaves the default of the preset', (empty) => {
    expect(parsePreset('ghcr', { ORIGIN_URL: empty, CLIENT_AUTH: empty })).toEqual(parsePreset('ghcr'));
  });

  it('google requires the registry, and mirrors its host', () => {
    expect(() => parse({ PRESET: 'google' })).toThrow(/ORIGIN_URL: .*https:\/\/us-docker\.pkg\.dev/);
    expect(parsePreset('google', { ORIGIN_URL: 'https://gcr.io' }).mirroredHosts).toEqual(['gcr.io']);
    expect(parsePreset('google', { ORIGIN_URL: 'http://[::1]:5000' }).mirroredHosts).toEqual([]);
  });

  it('any other name is an error that lists the choices', () => {
    expect(() => parse({ PRESET: 'dockerhub' })).toThrow(/PRESET: expected docker-hub or ghcr or .*gitlab, or none/);
    expect(parse({ ORIGIN_URL: 'https://example.com' }).preset).toBe('');
  });

  it.each(['Library', '/library', 'library/', 'a b', 'a'.repeat(254)])(
    'DEFAULT_NAMESPACE=%s is an error',
    (DEFAULT_NAMESPACE) => {
      expect(() => parsePreset('ghcr', { DEFAULT_NAMESPACE })).toThrow(/DEFAULT_NAMESPACE: expected/);
    },
  );
});
