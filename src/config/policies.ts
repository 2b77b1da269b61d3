import type { PolicySettings } from '../policy/settings.ts';
import { type Form, oneOf, parseMilliseconds, patterns, tagPatterns, variable } from './forms.ts';
import type { Settings } from './settings.ts';

/** The policies of an upstream that are no other's, since they name its repositories. */
export const OWN_POLICIES = ['DENY_REPOSITORIES'] as const;
/** Those that an upstream has from the whole edge, unless it has its own. */
export const INHERITED_POLICIES = ['POLICY_MODE', 'IMMUTABLE_TAGS', 'TAG_TTLS'] as const;

const MAX_TTLS = 100;

/** Reads the policies. @param lent `ALLOW_REPOSITORIES`, and whether it says for what an account is lent */
export function readPolicies(settings: Settings, lent: Pick<PolicySettings, 'allowed' | 'isLent'>): PolicySettings {
  const mode = settings.read('POLICY_MODE', oneOf('enforce', ['enforce', 'report']));
  const denied = settings.read('DENY_REPOSITORIES', patterns('team/secret,old/**'));
  const immutableTags = settings.read('IMMUTABLE_TAGS', tagPatterns('v*,team/app:release-*,!v*-rc'));
  const tagTtls = settings.read('TAG_TTLS', ttls());
  return { ...lent, mode, denied, immutableTags, tagTtls } as PolicySettings; // an undefined value has been reported
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
