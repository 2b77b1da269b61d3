import type { CooldownSettings } from '../policy/cooldown.ts';
import type { PolicySettings } from '../policy/settings.ts';
import { duration, type Form, flag, oneOf, parseMilliseconds, patterns, tagPatterns, variable } from './forms.ts';
import type { Settings } from './settings.ts';

/** The policies of an upstream that are no other's, since they name its repositories. */
export const OWN_POLICIES = ['DENY_REPOSITORIES'] as const;
/** Those that an upstream has from the whole edge, unless it has its own. */
export const INHERITED_POLICIES = [
  'POLICY_MODE',
  'IMMUTABLE_TAGS',
  'TAG_TTLS',
  'COOLDOWN',
  'COOLDOWN_TAGS',
  'COOLDOWN_DIGESTS',
  'COOLDOWN_UNKNOWN',
] as const;

const MAX_TTLS = 100;

/** Reads the policies. @param lent `ALLOW_REPOSITORIES`, and whether it says for what an account is lent */
export function readPolicies(settings: Settings, lent: Pick<PolicySettings, 'allowed' | 'isLent'>): PolicySettings {
  const mode = settings.read('POLICY_MODE', oneOf('enforce', ['enforce', 'report']));
  const denied = settings.read('DENY_REPOSITORIES', patterns('team/secret,old/**'));
  const immutableTags = settings.read('IMMUTABLE_TAGS', tagPatterns('v*,team/app:release-*,!v*-rc'));
  const tagTtls = settings.read('TAG_TTLS', ttls());
  const cooldown = readCooldown(settings);
  return { ...lent, mode, denied, immutableTags, tagTtls, cooldown } as PolicySettings; // an undefined value has been reported
}

/** Signatures, and the tags by which referrers are found, belong to a digest, and come with it. */
const COOLED = '*,!sha256-*,!sha512-*';

function readCooldown(settings: Settings): CooldownSettings | undefined {
  const forMs = settings.read('COOLDOWN', duration('0', '90d'));
  const tags = settings.read('COOLDOWN_TAGS', tagPatterns('latest,team/app:v*', COOLED));
  const coversDigests = settings.read('COOLDOWN_DIGESTS', flag('false'));
  const unknown = settings.read('COOLDOWN_UNKNOWN', oneOf('pass', ['pass', 'deny']));
  return forMs ? ({ forMs, tags, coversDigests, unknown } as CooldownSettings) : undefined;
}

/** Windows of tags, such as `latest=30s,v*=1d`. */
function ttls(): Form<PolicySettings['tagTtls']> {
  const expected = `expected at most ${MAX_TTLS} tags, each with a duration up to 20d, such as latest=30s,team/app:v*=1d`;
  return variable('', expected, (value) => {
    const items = value === '' ? [] : value.split(',').map((item) => item.trim());
    const read = items.map((item) => {
      const [, tag = '', duration = ''] = /^([^=!]+)=([^=]+)$/.exec(item) ?? [];
      const [form, ms] = [tagPatterns('v*')(tag), parseMilliseconds(duration)];
      return 'value' in form && !form.value.isEmpty && ms <= MAX_TTL_MS ? { tags: form.value, ms } : undefined;
    });
    const isGood = read.length <= MAX_TTLS && read.every((one) => one !== undefined);
    return isGood ? (read as PolicySettings['tagTtls']) : undefined;
  });
}

const MAX_TTL_MS = parseMilliseconds('20d');
