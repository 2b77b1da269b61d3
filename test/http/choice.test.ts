import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChosenBy, createChoice } from '../../src/http/choice.ts';
import { splitUrl } from '../../src/oci/route.ts';

interface Described {
  readonly alias: string;
  readonly chosenBy: ChosenBy;
}

function described(alias: string, chosenBy: { hosts?: string[]; prefix?: string; ns?: string[] } = {}): Described {
  return { alias, chosenBy: { hosts: [], prefix: undefined, ns: [], ...chosenBy } as ChosenBy };
}

function chooserOf(...upstreams: Described[]) {
  const choose = createChoice(upstreams);
  return (host: string, path: string) => {
    const choice = choose(host, splitUrl(`http://edge.test${path}`));
    return choice === 'shared' || choice === undefined ? choice : `${choice.upstream.alias}`;
  };
}

const FIRST = described('');
const MINE = described('mine', { hosts: ['mine.test', 'both.test:5000'] });
const HUB = described('hub', { prefix: 'hub', ns: ['docker.io', 'registry.test:5000'] });
const DEEP = described('deep', { prefix: 'hub/deep' });
const SHARING = described('sharing', { hosts: ['shared.test'], prefix: 'x' });
const MANIFEST = '/v2/team/app/manifests/latest';

describe('an upstream is chosen', () => {
  const choose = chooserOf(FIRST, MINE, HUB, DEEP, SHARING);

  it.each([
    ['mine.test', MANIFEST, 'mine'],
    ['MINE.test', MANIFEST, 'mine'],
    ['mine.test.', MANIFEST, 'mine'],
    ['mine.test:8787', MANIFEST, 'mine'],
    ['both.test:5000', MANIFEST, 'mine'],
    ['both.test.:5000', MANIFEST, 'mine'],
    ['both.test', MANIFEST, ''],
    ['both.test:5001', MANIFEST, ''],
    // A host of its own decides before everything else.
    ['mine.test', '/v2/hub/app/manifests/latest', 'mine'],
    ['mine.test', `${MANIFEST}?ns=docker.io`, 'mine'],
    ['other.test', `${MANIFEST}?ns=docker.io`, 'hub'],
    ['other.test', `${MANIFEST}?ns=registry.test%3A5000`, 'hub'],
    ['other.test', `${MANIFEST}?ns=registry.test:5000`, 'hub'],
    ['other.test', `${MANIFEST}?a=b&ns=docker.io`, 'hub'],
    ['other.test', `${MANIFEST}?ns=ghcr.io`, ''],
    ['other.test', '/v2/?ns=docker.io', 'hub'],
    ['other.test', '/v2/hub/app/manifests/latest', 'hub'],
    ['other.test', '/v2/hub/deep/app/manifests/latest', 'deep'],
    ['other.test', '/v2/hub/_catalog', 'hub'],
    ['other.test', '/v2/hubs/app/manifests/latest', ''],
    // What is named exactly as a prefix is not below it, but it may be below a shorter one.
    ['other.test', '/v2/hub/manifests/latest', ''],
    ['other.test', '/v2/hub/blobs/sha256:0', ''],
    ['other.test', '/v2/hub/blobs/uploads/', ''],
    ['other.test', '/v2/hub/blobs/uploads/session', ''],
    ['other.test', '/v2/hub/blobs/uploads/session/', ''],
    ['other.test', '/v2/hub/tags/list', ''],
    ['other.test', '/v2/hub/referrers/sha256:0', ''],
    ['other.test', '/v2/hub/deep/manifests/latest', 'hub'],
    ['other.test', '/v2/hub/manifests/manifests/latest', 'hub'],
    ['other.test', '/v2/hub/tags/tags/list', 'hub'],
    ['other.test', '/v2/hub/', 'hub'],
    ['other.test', '/v2/team/hub/manifests/latest', ''],
    ['other.test', '/v2/', ''],
    ['shared.test', '/v2/x/app/manifests/latest', 'sharing'],
    ['shared.test', '/v2/hub/app/manifests/latest', 'hub'],
    ['shared.test', MANIFEST, ''],
    ['other.test', '/v2/x/app/manifests/latest', ''],
  ])('at %s for %s: %s', (host, path, alias) => {
    expect(choose(host, path)).toBe(alias);
  });

  it('and no other, where nothing is left for what nothing chooses', () => {
    const without = chooserOf(MINE, HUB);
    expect(without('other.test', MANIFEST)).toBe('shared');
    expect(without('other.test', '/v2/')).toBe('shared');
    expect(without('mine.test', MANIFEST)).toBe('mine');
    const onlyHosts = chooserOf(MINE);
    expect(onlyHosts('other.test', MANIFEST)).toBeUndefined();
    expect(onlyHosts('both.test:1', MANIFEST)).toBeUndefined();
    expect(chooserOf(SHARING)('shared.test', MANIFEST)).toBe('shared');
    expect(chooserOf(SHARING)('other.test', '/v2/x/app/manifests/latest')).toBeUndefined();
  });

  it('always, if there is only one, whatever is asked', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (host, text) => {
        expect(createChoice([FIRST])(host, { path: text, search: text })).toEqual({ upstream: FIRST });
      }),
    );
  });

  it('by its own names only: a random host, prefix or ns chooses none', () => {
    const without = createChoice([MINE, HUB, DEEP, SHARING]);
    fc.assert(
      fc.property(fc.domain(), fc.stringMatching(/^[a-z]{1,3}$/), (host, word) => {
        fc.pre(word !== 'hub' && word !== 'x');
        const target = splitUrl(`http://edge.test/v2/${word}/app/manifests/latest?ns=${host}`);
        expect(without(host, target)).toBe('shared');
      }),
    );
  });
});
