import { archivesWithoutBytes, checkArchiveStore } from './archive.ts';
import { type Backend, type ChosenBackend, readBackend } from './backend.ts';
import { BYTES_VARIABLES, type BytesConfig, bytesWithoutEffect, readBytes } from './bytes.ts';
import { checkChoices } from './choices.ts';
import { count, size } from './forms.ts';
import { preselect } from './presets.ts';
import { createSettings, type Environment, isSet } from './settings.ts';
import { readTelemetry, TELEMETRY_VARIABLES, type TelemetryConfig, tokenWithoutMetrics } from './telemetry.ts';
import {
  CHOOSERS,
  INHERITED_VARIABLES,
  OWN_VARIABLES,
  readUpstream,
  UPSTREAM_VARIABLES,
  type UpstreamConfig,
} from './upstream.ts';
import { optionalToken } from './upstreamForms.ts';
import { namesOfSecrets, readUpstreams } from './upstreams.ts';
import { settingsWithoutEffect } from './warnings.ts';

/** The Worker's configuration. Durations in ms, sizes in bytes. */
export interface Config<Open = unknown, OpenCounter = unknown, Bytes = unknown> extends TelemetryConfig {
  /** At least one; the default upstream, if there is one, is the first. */
  readonly upstreams: readonly [UpstreamConfig, ...UpstreamConfig[]];
  /** `BLOBDESCRIPTOR` */
  readonly backend: ChosenBackend<Open, OpenCounter>;
  /** `BLOB_STORE`; `undefined`: no bytes of blobs are kept. */
  readonly bytes: BytesConfig<Bytes> | undefined;
  /** The bounds of an isolate's memory, for all upstreams together. */
  readonly memory: { readonly entries: number; readonly bytes: number };
  /** Guards the operators' paths, which answer 404 without it. */
  readonly adminToken: string | undefined;
  /** Settings that work, but that the operator should change. */
  readonly warnings: readonly string[];
}

/** Names every bad variable and what it should look like, never its value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(problems: readonly string[]) {
    const lines = [...new Set(problems)].map((problem) => `  ${problem}`);
    super(['the configuration of registry-edge is not valid:', ...lines].join('\n'));
  }
}

/** The variables and secrets of the whole edge, but for those of the backends. */
const EDGE_VARIABLES = [
  'UPSTREAMS',
  'BLOBDESCRIPTOR',
  'LAYERINFO',
  'MEMORY_ENTRIES',
  'MEMORY_BYTES',
  'ADMIN_TOKEN',
  ...TELEMETRY_VARIABLES,
  ...BYTES_VARIABLES,
] as const;

/**
 * The minimum holds the five grants of one caller with the longest credential that the runtime accepts, at two bytes a
 * character.
 */
const MEMORY_BOUNDS = 'with less, proofs of access are not remembered, and an isolate has 128 MB in all';

/** Returns the names of all variables and secrets that the Worker reads, in an environment with these upstreams. */
export function variableNames(backends: readonly Backend<unknown>[], UPSTREAMS?: unknown): readonly string[] {
  return [...EDGE_VARIABLES, ...UPSTREAM_VARIABLES, ...ofBackends(backends), ...namesOfSecrets(UPSTREAMS)];
}

function ofBackends(backends: readonly Backend<unknown>[]): string[] {
  return backends.flatMap(({ variables }) => variables);
}

/**
 * Reads and checks the configuration.
 * @param env the Worker's variables, secrets and bindings
 * @param backends the stores to choose from; the first is the default
 * @param byteBackends the stores of bytes to choose from; by default there are none
 * @throws ConfigError naming every bad variable at once
 */
export function parseConfig<Open, OpenCounter, Bytes = never>(
  env: Environment,
  backends: readonly Backend<Open, OpenCounter>[],
  byteBackends: readonly Backend<Bytes>[] = [],
): Config<Open, OpenCounter, Bytes> {
  const problems: string[] = [];
  const reading: Reading = { problems, warnings: [], taken: new Set() };
  const settings = createSettings(env, { problems });
  const entries = readUpstreams(env, [...EDGE_VARIABLES, ...ofBackends(backends)], settings.report);
  const hasDefault = entries.length === 0 || isSet(env, 'ORIGIN_URL') || isSet(env, 'PRESET');
  const upstreams = [
    ...(hasDefault ? [readOne(env, reading)] : []),
    ...entries.map(({ alias, variables }) => readOne(variables, { ...reading, alias, edge: env })),
  ];
  checkChoices(upstreams, settings.report);
  // Those of the default upstream have no label: what has no effect in it may have one in another.
  const warnings = reading.warnings.filter((warning) => !reading.taken.has(variableIn(warning)));
  const backend = readBackend(settings, backends);
  if (backend && !backend.hasHistory && upstreams.some(({ policies }) => policies?.cooldown)) {
    settings.report(`COOLDOWN: requires BLOBDESCRIPTOR=${backends.find(({ hasHistory }) => hasHistory)?.kind}`);
  }
  const keepers = backends.filter(({ lacksTags }) => !lacksTags).map((keeper) => keeper.kind);
  checkArchiveStore(settings, upstreams, { lacksTags: backend?.lacksTags ?? false, kinds: keepers });
  const bytes = readBytes(settings, byteBackends);
  const adminToken = settings.read('ADMIN_TOKEN', optionalToken())?.token;
  const config = {
    upstreams,
    backend,
    bytes,
    memory: {
      entries: settings.read('MEMORY_ENTRIES', count('10000', 16, 'with fewer, proofs of access are not remembered')),
      bytes: settings.read('MEMORY_BYTES', size('16MiB', '256KiB', '64MiB', MEMORY_BOUNDS)),
    },
    adminToken,
    ...readTelemetry(settings, adminToken),
    warnings,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  if (env.LAYERINFO && !env.BLOBDESCRIPTOR) warnings.push('LAYERINFO is deprecated: set BLOBDESCRIPTOR instead');
  warnings.push(...bytesWithoutEffect(env), ...archivesWithoutBytes(upstreams, bytes), ...tokenWithoutMetrics(config));
  if (!hasDefault) {
    for (const name of OWN_VARIABLES.filter((own) => isSet(env, own)))
      warnings.push(`${name} has no effect without ORIGIN_URL: set it for one of the UPSTREAMS`);
  }
  if (!config.backend?.openCounter) warnings.push(...upstreams.flatMap(countedAlone));
  return config as unknown as Config<Open, OpenCounter, Bytes>; // an undefined value would have been reported above
}

/** Warns of an allowance that each isolate counts by itself. */
function countedAlone({ alias, pullBudget: { declared } }: UpstreamConfig): string[] {
  const label = alias === '' ? '' : `UPSTREAMS.${alias}.`;
  const sentence = 'is counted by each isolate alone without the binding REPOSITORIES: bind it, as wrangler.toml does';
  return declared ? [`${label}UPSTREAM_BUDGET ${sentence}`] : [];
}

/** What the readings of all upstreams collect, and which one is read. */
interface Reading {
  readonly problems: string[];
  readonly warnings: string[];
  /** Receives the variables of the whole edge that have an effect in an upstream which takes them from there. */
  readonly taken: Set<string>;
  /** By default the default upstream. */
  readonly alias?: string;
  /** The environment of the whole edge, where that is another one. */
  readonly edge?: Environment;
}

/** Reads one upstream: what is set for it counts first, then its preset, and then what is set for the whole edge. */
function readOne(own: Environment, { problems, warnings, taken, alias = '', edge = {} }: Reading): UpstreamConfig {
  const preselected = preselect(own);
  const label = alias === '' ? '' : `UPSTREAMS.${alias}.`;
  const inherited = Object.fromEntries(
    INHERITED_VARIABLES.filter((name) => isSet(edge, name)).map((name) => [name, edge[name]]),
  );
  // Nothing chooses it: clients that ask a mirror for the content of a well-known registry name that.
  const isUnchosen = alias !== '' && !CHOOSERS.some((name) => isSet(own, name));
  const defaults = { ...(isUnchosen && { NS: preselected.defaults.MIRRORED_HOSTS }), ...preselected.defaults };
  const settings = createSettings(own, { problems, label, defaults, inherited });
  const found = problems.length;
  const upstream = readUpstream(settings, alias, preselected.originExample);
  if (problems.length > found) return upstream;
  const isOwn = (name: string) => isSet(own, name);
  warnings.push(...settingsWithoutEffect(upstream, isOwn).map((warning) => label + warning));
  const isTaken = (name: string) => name in inherited && !isOwn(name) && !(name in defaults);
  const withoutEffect = settingsWithoutEffect(upstream, isTaken).map(variableIn);
  for (const name of Object.keys(inherited)) if (isTaken(name) && !withoutEffect.includes(name)) taken.add(name);
  return upstream;
}

/** Returns the variable with which a warning begins. */
function variableIn(warning: string): string {
  return warning.slice(0, warning.indexOf(' '));
}
