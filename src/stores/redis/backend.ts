import { bareUrl, checked, flag, variable } from '../../config/forms.ts';
import { isInternalHost } from '../../http/hosts.ts';
import type { StoreBackend } from '../backend.ts';
import { CONTENT_TIMEOUT_MS, type StoreOptions } from '../options.ts';
import type { Store } from '../store.ts';
import { createRedis, type RedisAddress } from './client.ts';
import { createRedisContents } from './contents.ts';
import { createRedisDescriptors } from './descriptors.ts';
import { createKeys } from './keys.ts';
import { createRedisTags } from './tags.ts';

const URL_FORM = 'expected the REST URL of the Redis database, such as https://eu1-example-12345.upstash.io';

/** `BLOBDESCRIPTOR=redis`: Upstash Redis, by its REST API. */
export const redisBackend: StoreBackend = {
  kind: 'redis',
  variables: ['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN', 'REDIS_SHARED'],
  flags: ['REDIS_SHARED'],
  configure(settings) {
    const isShared = settings.read('REDIS_SHARED', flag('false')) ?? false;
    const url = settings.read('UPSTASH_REDIS_REST_URL', restUrl());
    const token = settings.read('UPSTASH_REDIS_REST_TOKEN', restToken());
    return url && token ? (options) => createRedisStore({ url: url.href, token, isShared }, options) : undefined;
  },
};

export interface RedisDatabase extends RedisAddress {
  /** `REDIS_SHARED`: whether the database belongs to a registry, which writes the keys of blobs itself. */
  readonly isShared: boolean;
}

export function createRedisStore(database: RedisDatabase, options: StoreOptions): Store {
  const { prefix, retentionMs, maxClearedForMs, askedAs } = options;
  const lifeMs = retentionMs + maxClearedForMs;
  const keys = createKeys(prefix);
  const records = {
    redis: createRedis(database),
    keys,
    lifeMs,
    lifeSeconds: Math.ceil(lifeMs / 1000),
    confirmedField: askedAs === 'nobody' ? 'open' : 'verified',
  } as const;
  return {
    name: 'redis',
    isShared: true,
    isAtomic: false,
    // The registry of the default upstream shares the database; it knows nothing of keys with a prefix.
    ...createRedisDescriptors(records, database.isShared && prefix === ''),
    tags: createRedisTags(records),
    history: undefined,
    contents: createRedisContents(createRedis(database, CONTENT_TIMEOUT_MS), keys, retentionMs),
    peek: undefined,
  };
}

function restUrl() {
  return checked(
    bareUrl(URL_FORM),
    ({ protocol, hostname }) => protocol === 'https:' || isInternalHost(hostname),
    `${URL_FORM} (https)`,
  );
}

function restToken() {
  return variable('', 'expected a token without white space', (value) => (/^\S+$/.test(value) ? value : undefined));
}
