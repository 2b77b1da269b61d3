import type { Config } from '../../src/config/config.ts';
import { PRESET_NAMES, preselect } from '../../src/config/presets.ts';
import type { UpstreamConfig } from '../../src/config/upstream.ts';
import { advice, type Finding, ok, problem } from './finding.ts';
import { labelOf } from './label.ts';

type Check = (upstream: UpstreamConfig, config: Config) => Finding[];

/** Whether some callers are known never to push. */
function hasPullers({ clientAuth, tokens }: UpstreamConfig): boolean {
  return clientAuth !== 'origin' || tokens?.hasPullOnly === true;
}

const expectStore: Check = (upstream, { backend: { kind } }) => {
  if (kind === 'inmemory') {
    return [
      problem(
        'BLOBDESCRIPTOR=inmemory: each isolate keeps what it knows to itself and forgets it soon, and deletes do not reach the others',
        'set BLOBDESCRIPTOR=durable',
      ),
    ];
  }
  if (kind !== 'kv' || !upstream.allowsWrites) return [];
  return [
    problem(
      'BLOBDESCRIPTOR=kv, and callers may push: KV shows a delete elsewhere only after a minute or more, so that a push may fail meanwhile',
      'set BLOBDESCRIPTOR=durable, or make it a mirror with CLIENT_AUTH=anonymous',
    ),
  ];
};

const expectBlobs: Check = (upstream) => {
  const { pushExistenceTtlMs, descriptorTtlMs, allowsWrites } = upstream;
  if (allowsWrites && pushExistenceTtlMs === 0) {
    const says = 'PUSH_EXISTENCE_TTL=0: no HEAD of a caller that may push is ever a hit';
    return [advice(says, 'remove it: a manifest is checked before it goes to the origin')];
  }
  if (!allowsWrites && descriptorTtlMs === 0) {
    return [advice('DESCRIPTOR_TTL=0: nothing is ever a hit', 'remove it: a digest always names the same content')];
  }
  return [ok('HEADs of blobs, and manifests by digest, are hits once the origin has let the caller have one')];
};

const expectTags: Check = (upstream) => {
  if (!hasPullers(upstream)) {
    const says = 'tags and lists are never hits, since every caller may push';
    return [ok(`${says}: PULL_ONLY_SUBJECTS would name callers that never do`)];
  }
  const { tagTtlMs } = upstream;
  return tagTtlMs > 0
    ? [ok(`a tag is a hit for ${tagTtlMs / 1_000} s, for callers that only pull (TAG_TTL)`)]
    : [advice('TAG_TTL=0: no tag is ever a hit, and every pull begins with one', 'set TAG_TTL=10s, or longer')];
};

const expectBytes: Check = ({ blobRedirect }, { bytes }) => {
  if (bytes) return [ok('the bytes of a blob are a hit once they have passed through the edge (BLOB_STORE)')];
  const ways = blobRedirect === 'pass' ? 'from the origin, or where it redirects to' : 'through the edge';
  return [ok(`the bytes of blobs are never hits: clients get them ${ways}; BLOB_STORE=r2 would keep them`)];
};

/** containerd asks a mirror with `?ns=` and the name that its configuration has for the registry. */
const expectNs: Check = ({ clientAuth, originUrl, mirroredHosts, chosenBy, preset }) => {
  if (clientAuth !== 'anonymous') return [];
  const known = PRESET_NAMES.map((name) => ({ name, defaults: preselect({ PRESET: name }).defaults }));
  const same = known.find(({ defaults }) => defaults.ORIGIN_URL === originUrl.origin);
  const expected = same?.defaults.MIRRORED_HOSTS?.split(',') ?? [originUrl.host];
  const listed = [...mirroredHosts, ...chosenBy.ns];
  const missing = expected.filter((host) => !listed.includes(host));
  if (missing.length === 0) return [];
  const says = `containerd asks a mirror with ?ns=${missing.join(' or ')}, which is not listed: its pulls would bypass the cache`;
  const presetInstead = same && preset === '' ? `, or PRESET=${same.name}` : '';
  return [advice(says, `set MIRRORED_HOSTS=${[...listed, ...missing]}${presetInstead}`)];
};

const expectEvents: Check = ({ eventsToken, clientAuth }, { adminToken, metricsToken }) => {
  if (eventsToken !== undefined && eventsToken === adminToken) {
    return [notApart('EVENTS_TOKEN is also the ADMIN_TOKEN: whoever may send events may purge')];
  }
  if (eventsToken !== undefined && eventsToken === metricsToken) {
    return [notApart('METRICS_TOKEN is also the EVENTS_TOKEN: whoever may read the metrics may send events')];
  }
  if (eventsToken !== undefined || clientAuth === 'anonymous') return [];
  return [ok('without EVENTS_TOKEN, what is deleted past the edge is noticed when its window ends, or at a push')];
};

function notApart(says: string): Finding {
  return problem(says, 'give each a token of its own');
}

const CHECKS: readonly Check[] = [expectBlobs, expectTags, expectBytes, expectNs, expectEvents];

/** Says what will be a hit, and what will not be one, by the configuration alone. */
export function expectHits(config: Config): Finding[] {
  const perStore = new Map(
    config.upstreams.flatMap((one) => expectStore(one, config)).map((each) => [each.says, each]),
  );
  const perUpstream = config.upstreams.flatMap((upstream) =>
    CHECKS.flatMap((check) => check(upstream, config)).map((finding) => labelled(upstream, finding)),
  );
  const purge = config.adminToken
    ? []
    : [advice('without ADMIN_TOKEN nobody can purge, warm or look anything up', 'npx wrangler secret put ADMIN_TOKEN')];
  const metrics =
    config.metricsToken !== undefined && config.metricsToken === config.adminToken
      ? [notApart('METRICS_TOKEN is also the ADMIN_TOKEN: whoever may read the metrics may purge')]
      : [];
  return [...perStore.values(), ...perUpstream, ...purge, ...metrics];
}

/** Says of which upstream a finding is, where there are several. */
function labelled(upstream: UpstreamConfig, finding: Finding): Finding {
  return { ...finding, says: labelOf(upstream) + finding.says };
}
