import { expect, it } from 'vitest';
import { createSettings } from '../../../src/config/settings.ts';
import { createDurableStore, durableBackend } from '../../../src/stores/durable/backend.ts';
import type { RepositoryNamespace } from '../../../src/stores/durable/namespace.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { uniqueDigest } from '../../support/digests.ts';
import { OBJECTS } from '../../support/durableStore.ts';
import { storeOptions } from '../../support/stores.ts';

/** Records the names, hints and jurisdictions of the objects that are addressed. */
function recorder() {
  const seen: unknown[][] = [];
  const within = (jurisdiction: string): RepositoryNamespace => ({
    idFromName: (name) => name,
    get(name, options) {
      seen.push([name, options?.locationHint, jurisdiction]);
      return OBJECTS.get(OBJECTS.idFromName(String(name)));
    },
    jurisdiction: within,
  });
  return { seen, namespace: within('') };
}

it('names objects by prefix and origin, and passes the location on', async () => {
  const { seen, namespace } = recorder();
  const ctx = contextOf(createClock(Date.now()));
  for (const prefix of ['', 'upstream::hub::']) {
    const options = storeOptions({ prefix, origin: 'https://registry.test/' });
    await createDurableStore({ namespace, location: 'weur' }, options)
      .descriptors('a/b' as never, 'blobs')
      .read(ctx, [uniqueDigest()]);
  }
  expect(seen).toEqual([
    ['https://registry.test/ a/b', 'weur', ''],
    ['upstream::hub::https://registry.test/ a/b', 'weur', ''],
  ]);
});

it('keeps the objects in the jurisdiction that is configured', async () => {
  const { seen, namespace } = recorder();
  const open = durableBackend.configure(
    createSettings({ REPOSITORIES: namespace, STORE_JURISDICTION: 'eu' }, { problems: [] }),
  );
  const store = open?.(storeOptions({ origin: 'https://registry.test/' }));
  await store?.descriptors('a/b' as never, 'blobs').read(contextOf(createClock(Date.now())), [uniqueDigest()]);
  expect(seen).toEqual([['https://registry.test/ a/b', undefined, 'eu']]);
});
