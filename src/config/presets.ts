import type { Environment } from './settings.ts';

/** A registry that people mirror: the variables that fit it, each of which may be set to something else. */
interface Preset {
  readonly variables: Readonly<Record<string, string>>;
  /** An example of the `ORIGIN_URL` that has to be set, where the registry has many. */
  readonly origin?: string;
}

/**
 * These registries redirect blobs to networks that are near everybody, which costs the edge nothing, so `BLOB_REDIRECT`
 * stays `pass` for all of them.
 */
const mirrorOf = (host: string, ...otherHosts: string[]): Readonly<Record<string, string>> => ({
  ...{ ORIGIN_URL: `https://${host}`, CLIENT_AUTH: 'anonymous' },
  MIRRORED_HOSTS: [host, ...otherHosts].join(),
});

const PRESETS: Readonly<Record<string, Preset>> = {
  // Clients call it docker.io, its own images have a namespace that nobody writes, and it counts pulls.
  'docker-hub': {
    variables: {
      ...mirrorOf('registry-1.docker.io', 'docker.io', 'index.docker.io'),
      ...{ DEFAULT_NAMESPACE: 'library', UPSTREAM_BUDGET: 'told' },
    },
  },
  ghcr: { variables: mirrorOf('ghcr.io') },
  quay: { variables: mirrorOf('quay.io') },
  'registry-k8s-io': { variables: mirrorOf('registry.k8s.io', 'k8s.gcr.io') },
  mcr: { variables: mirrorOf('mcr.microsoft.com') },
  'ecr-public': { variables: mirrorOf('public.ecr.aws') },
  google: { variables: { CLIENT_AUTH: 'anonymous' }, origin: 'https://us-docker.pkg.dev or https://gcr.io' },
  gitlab: { variables: mirrorOf('registry.gitlab.com') },
};

export const PRESET_NAMES = Object.keys(PRESETS);

/** What a preset makes of the environment. */
export interface Preselected {
  /** The variables that the preset gives, by name. */
  readonly defaults: Readonly<Record<string, string>>;
  /** An example of the `ORIGIN_URL` that has to be set with it. */
  readonly originExample: string | undefined;
}

/** Returns the defaults of the preset that the variable `PRESET` names; none if it names none. */
export function preselect({ PRESET, ORIGIN_URL }: Environment): Preselected {
  const { variables = {}, origin } = PRESETS[textOf(PRESET)] ?? {};
  const url = textOf(ORIGIN_URL);
  // The registry's own host, where the preset does not know it.
  const host = origin && URL.canParse(url) ? new URL(url).host : '';
  const mirrored = host && !host.startsWith('[') ? { MIRRORED_HOSTS: host } : {};
  return { defaults: { ...mirrored, ...variables }, originExample: origin };
}

/** Returns the text of a variable; anything else is reported where the variable is read. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}
