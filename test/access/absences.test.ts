import { describe, expect, it } from 'vitest';
import { createAbsences } from '../../src/access/absences.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { contextOf, createClock } from '../support/context.ts';
import { uniqueDigest } from '../support/digests.ts';

const clock = createClock();
const contextFor = (headers: Record<string, string>) =>
  contextOf(clock, new Request('http://edge.test/v2/', { headers }));
const [alice, bob] = [contextFor({ authorization: 'Basic YQ==' }), contextFor({ authorization: 'Basic Yg==' })];
const [name, other] = [parseRepositoryName('a/b'), parseRepositoryName('a/c')];
const absenceOf = (digest: Digest) => ({ digest, sentAt: clock.now(), accept: null });
const open = () => createAbsences(createMemory({ entries: 100, bytes: 1_000_000 }), 60_000);

describe('createAbsences', () => {
  it('lists an absence only for the caller, the repository and the links for which it was noted', () => {
    const absences = open();
    const absence = absenceOf(uniqueDigest());
    absences.add(alice, name, 'blobs', absence);
    expect(absences.list(alice, name, 'blobs')).toEqual([absence]);
    expect(absences.list(bob, name, 'blobs')).toEqual([]);
    expect(absences.list(alice, other, 'blobs')).toEqual([]);
    expect(absences.list(alice, name, 'manifests')).toEqual([]);
  });

  it('notes nothing for a caller without a name', () => {
    const absences = open();
    const nameless = contextFor({ authorization: 'Basic YQ==', cookie: 'session=1' });
    absences.add(nameless, name, 'blobs', absenceOf(uniqueDigest()));
    // The second is named as a key would have it that is made of the missing name.
    for (const ctx of [nameless, contextFor({ authorization: 'undefined' })])
      expect(absences.list(ctx, name, 'blobs')).toEqual([]);
  });

  it('keeps the latest fifty absences of a caller, each digest once', () => {
    const absences = open();
    const all = Array.from({ length: 51 }, () => absenceOf(uniqueDigest()));
    for (const absence of all) absences.add(alice, name, 'blobs', absence);
    expect(absences.list(alice, name, 'blobs')).toEqual(all.slice(1));
    const again = { ...absenceOf(all[7]?.digest as Digest), accept: 'text/plain' };
    absences.add(alice, name, 'blobs', again);
    expect(absences.list(alice, name, 'blobs')).toEqual([...all.slice(1, 7), ...all.slice(8), again]);
  });
});
