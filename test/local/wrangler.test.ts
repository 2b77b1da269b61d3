import { expect, it } from 'vitest';
import { unstable_readConfig as readConfig } from 'wrangler';

/** As wrangler reads it for a deploy. */
const config = readConfig({ config: 'wrangler.toml' });

it('Workers Cache is off: it would answer in front of the Worker', () => {
  expect(config.exports?.default).toEqual({ type: 'worker', cache: { enabled: false } });
});

it('the stores that need no other account are bound, and the class of objects is created by the deploy', () => {
  expect(config.durable_objects.bindings).toMatchObject([{ name: 'REPOSITORIES', class_name: 'RepositoryObject' }]);
  expect(config.migrations).toMatchObject([{ tag: 'v1', new_sqlite_classes: ['RepositoryObject'] }]);
  expect(config.kv_namespaces).toMatchObject([{ binding: 'DESCRIPTORS' }]);
});
