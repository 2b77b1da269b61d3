import type { PolicyName } from '../../../src/telemetry/events.ts';
import { NAMES, type Place } from './content.ts';

/** What operators declare, and what the documentation says that it does. */
export interface PolicyRow {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Which policy closes a repository. */
  readonly closes?: Readonly<Partial<Record<Place, PolicyName>>>;
  /** Which policy closes what tells of all repositories, if there is one. */
  readonly closesAll?: PolicyName;
  /** The tags that never move. */
  readonly immutable?: (place: Place, tag: string) => boolean;
  /** The tags that lead callers who only pull to nothing yet. */
  readonly isCooling?: (place: Place, tag: string) => boolean;
  /** Whether a tag answers a caller that only pulls a moment after the origin was asked. */
  readonly isKept?: (tag: string) => boolean;
}

const never = () => false;
/** The tags of the table are `v*`, those of them that end in `-rc`, and `latest`. */
const isVersion = (tag: string) => tag !== 'latest' && !tag.endsWith('-rc');

/** The policies of the table. A new policy is a row. */
export const POLICY_ROWS: readonly PolicyRow[] = [
  { name: 'no policy', variables: {} },
  {
    name: 'ALLOW_REPOSITORIES',
    variables: { ALLOW_REPOSITORIES: NAMES.open },
    ...{ closes: { closed: 'ALLOW_REPOSITORIES' }, closesAll: 'ALLOW_REPOSITORIES' },
  },
  {
    name: 'ALLOW_REPOSITORIES with an exception',
    variables: { ALLOW_REPOSITORIES: `team/**,!*/closed` },
    ...{ closes: { closed: 'ALLOW_REPOSITORIES' }, closesAll: 'ALLOW_REPOSITORIES' },
  },
  {
    name: 'DENY_REPOSITORIES',
    variables: { DENY_REPOSITORIES: NAMES.closed },
    ...{ closes: { closed: 'DENY_REPOSITORIES' }, closesAll: 'DENY_REPOSITORIES' },
  },
  {
    name: 'DENY_REPOSITORIES with an exception',
    variables: { DENY_REPOSITORIES: '**,!team/o*' },
    ...{ closes: { closed: 'DENY_REPOSITORIES' }, closesAll: 'DENY_REPOSITORIES' },
  },
  {
    name: 'IMMUTABLE_TAGS with an exception',
    variables: { IMMUTABLE_TAGS: 'v*,!*-rc' },
    immutable: (_place, tag) => isVersion(tag),
  },
  {
    name: 'IMMUTABLE_TAGS of one repository',
    variables: { IMMUTABLE_TAGS: `${NAMES.open}:v*` },
    immutable: (place, tag) => place === 'open' && tag !== 'latest',
  },
  {
    name: 'TAG_TTLS',
    variables: { TAG_TTLS: 'v*-rc=0,v*=1d,latest=0' },
    isKept: isVersion,
  },
  {
    name: 'all of them',
    variables: {
      ALLOW_REPOSITORIES: 'team/*',
      DENY_REPOSITORIES: '*/closed',
      ...{ IMMUTABLE_TAGS: 'v*,!*-rc', TAG_TTLS: '**=0' },
    },
    ...{ closes: { closed: 'DENY_REPOSITORIES' }, closesAll: 'DENY_REPOSITORIES' },
    ...{ immutable: (_place, tag) => isVersion(tag), isKept: never },
  },
];

const COOLING = { COOLDOWN: '3d', COOLDOWN_UNKNOWN: 'deny' };

/** Those that need the history of tags, which the durable store keeps alone. */
export const DURABLE_ROWS: readonly PolicyRow[] = [
  {
    name: 'COOLDOWN of a tag',
    variables: { ...COOLING, COOLDOWN_TAGS: `${NAMES.open}:latest` },
    isCooling: (place, tag) => place === 'open' && tag === 'latest',
  },
  {
    name: 'COOLDOWN where a repository is closed',
    variables: { ...COOLING, COOLDOWN_TAGS: 'v*,latest,!v1-rc', DENY_REPOSITORIES: NAMES.closed },
    ...{ closes: { closed: 'DENY_REPOSITORIES' }, closesAll: 'DENY_REPOSITORIES' },
    isCooling: (_place, tag) => tag !== 'v1-rc',
  },
];
