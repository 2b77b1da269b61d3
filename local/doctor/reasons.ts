import { advice, type Finding, ok, problem } from './finding.ts';

interface Reason {
  /** Of `Cache-Status`, without the name of the edge. */
  readonly matches: RegExp;
  readonly level: Finding['level'];
  readonly says: string;
  readonly change?: string;
}

/** Why an answer was no hit, and what to change: docs/why-not-a-hit.md in short. The first that matches counts. */
export const REASONS: readonly Reason[] = [
  { matches: /^hit; ttl=-/, level: 'ok', says: 'a hit past PUSH_EXISTENCE_TTL: the origin is asked after the reply' },
  { matches: /^hit/, level: 'ok', says: 'a hit' },
  {
    ...{ matches: /detail=unproven/, level: 'advice' },
    says: 'not a hit: this credential has not proved its access in the isolate that was asked (unproven)',
    change: 'ask again; if it stays, set TOKEN_JWKS where clients bring tokens, or REDIRECT_HOSTS where HEADs redirect',
  },
  {
    ...{ matches: /detail=identity/, level: 'problem' },
    says: 'never a hit: something in front of the edge adds a header that may say who calls (identity)',
    change: 'keep that proxy from adding it; with LOG_LEVEL=debug the log names the header',
  },
  {
    ...{ matches: /detail=ns/, level: 'problem' },
    says: 'never a hit: ?ns= names a registry that is not known to be this origin (ns)',
    change: 'if it is, add it to MIRRORED_HOSTS',
  },
  {
    ...{ matches: /detail=push/, level: 'advice' },
    says: 'not a hit: the caller may push, and the last confirmation is too old (push)',
    change: 'name callers that never push in PULL_ONLY_SUBJECTS',
  },
  {
    ...{ matches: /detail=fault/, level: 'problem' },
    says: 'not a hit: the store failed (fault)',
    change: 'look for warnings of the store in the log, and check the variables of BLOBDESCRIPTOR',
  },
  {
    ...{ matches: /detail=slow/, level: 'advice' },
    says: 'not a hit: the store did not answer within CACHE_TIMEOUT (slow)',
    change: 'move the store nearer (STORE_LOCATION), or raise CACHE_TIMEOUT',
  },
  {
    ...{ matches: /detail=origin-404/, level: 'ok' },
    says: 'the origin no longer has it, and the edge is an archive that keeps it (KEEP_DELETED)',
  },
  {
    ...{ matches: /detail=(?:unreachable|origin-|paused)/, level: 'problem' },
    says: 'the origin failed, and the last good answer stood in for it',
    change: 'look after the origin',
  },
  {
    ...{ matches: /detail=budget/, level: 'advice' },
    says: 'few of the pulls that the origin allows are left, and this one was spared (budget)',
    change: 'give the mirror an account (ORIGIN_ACCOUNT), or raise TAG_TTL',
  },
  {
    matches: /^fwd=stale/,
    level: 'advice',
    says: 'not a hit: what is stored is past its window',
    change: 'raise TAG_TTL or DESCRIPTOR_TTL',
  },
  { matches: /^fwd=vary-miss/, level: 'ok', says: 'not a hit: what is stored is of a media type that is not accepted' },
  {
    ...{ matches: /^fwd=miss/, level: 'advice' },
    says: 'not a hit, although it was asked for just now',
    change: 'ask again: KV shows what is new after a minute, and another isolate may not know of it yet',
  },
];

/** What the edge never answers itself, by what was asked for. */
const BYPASSES: Readonly<Record<string, readonly [says: string, change: string]>> = {
  tag: [
    'never a hit for callers that may push, since tags move',
    'PULL_ONLY_SUBJECTS, or CLIENT_AUTH=anonymous, for those that only pull',
  ],
  bytes: [
    'not a hit: the edge does not keep the bytes of blobs',
    'set BLOB_STORE=r2, if they should come from the edge',
  ],
};

/** Says what an answer's `Cache-Status` means. @param what was asked for, such as `tag` */
export function explain(what: string, cacheStatus: string): Finding {
  const own = /registry-edge; ([^,]*)/.exec(cacheStatus)?.[1];
  if (own === undefined) {
    const says = `${what}: the answer has no Cache-Status of registry-edge`;
    return problem(says, 'is this the address of the edge? Let no proxy remove the header');
  }
  const [bypassed, way] = BYPASSES[what] ?? [];
  if (bypassed !== undefined && /^fwd=bypass(?:; stored)?$/.test(own)) return advice(`${what}: ${bypassed}`, way);
  const reason = REASONS.find(({ matches }) => matches.test(own));
  if (!reason) return advice(`${what}: not a hit (${own})`, 'docs/why-not-a-hit.md says what to do');
  const says = `${what}: ${reason.says}`;
  return reason.level === 'ok' ? ok(says) : { level: reason.level, says, change: reason.change };
}
