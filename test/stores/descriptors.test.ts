import { describeDescriptorCache } from '../support/descriptorCacheSuite.ts';
import { ALL_STORES } from '../support/stores.ts';

for (const { name, isAvailable, open, openFailing } of ALL_STORES) {
  describeDescriptorCache(name, {
    create: () => open().descriptors,
    createFailing: openFailing && (() => openFailing().descriptors),
    skip: !isAvailable,
  });
}
