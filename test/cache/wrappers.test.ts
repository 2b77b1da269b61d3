import { describe, expect, it } from 'vitest';
import { bounded } from '../../src/cache/bounded.ts';
import { createBreaker, guarded } from '../../src/cache/guarded.ts';
import type { RegistryCache } from '../../src/cache/registryCache.ts';
import { tiered } from '../../src/cache/tiered.ts';
import { createBudget } from '../../src/http/body/budget.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { openMemory } from '../support/stores.ts';

/** Lists what a cache offers, member by member. */
function membersOf({ descriptors, contents, tags }: RegistryCache): string[] {
  const scoped = descriptors.repositoryScoped(parseRepositoryName('a/b'), 'blobs');
  const parts = { descriptors, contents, tags, scoped, unscoped: descriptors.unscoped?.('blobs') };
  return Object.entries(parts).flatMap(([part, members]) =>
    Object.entries(members ?? {}).flatMap(([name, member]) => (member === undefined ? [] : `${part}.${name}`)),
  );
}

/** Memory is the only store that has every member that a store may lack. */
const WRAPPERS: [name: string, wrap: (cache: RegistryCache) => RegistryCache][] = [
  ['guarded', (cache) => guarded(createBreaker(), cache)],
  ['bounded', (cache) => bounded(createBudget(1_000), 100, cache)],
  ['tiered', (cache) => tiered(openMemory(), cache)],
];

describe.each(WRAPPERS)('%s', (_name, wrap) => {
  it('loses no member of the cache that it wraps', () => {
    const cache = openMemory();
    expect(membersOf(cache)).toContain('descriptors.peek');
    expect(membersOf(wrap(cache)).sort()).toEqual(membersOf(cache).sort());
  });
});
