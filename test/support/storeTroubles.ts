import { env } from 'cloudflare:workers';
import type { RepositoryNamespace } from '../../src/stores/durable/namespace.ts';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import { FAILING_OBJECTS, interceptObjects } from './durableStore.ts';
import { refuse } from './kvStore.ts';
import type { Pushed } from './push.ts';
import { ADDRESS, redis } from './redisStore.ts';
import { createScriptedServer } from './scripted.ts';

/** One way in which a store can fail, or hold malformed data. */
export interface Trouble {
  readonly name: string;
  /** Variables that replace the store's address; by default it is the real Redis. */
  readonly variables?: Record<string, string>;
  /** Replaces the KV namespace. */
  readonly namespace?: DescriptorNamespace;
  /** Replaces the Durable Objects. */
  readonly objects?: RepositoryNamespace;
  /** Writes malformed data under a blob's keys. */
  spoil?(keys: BlobKeys, blob: Pushed): Promise<unknown>;
  /** Whether reads work, but take long. */
  readonly isLate?: boolean;
  /** Whether reads work as usual. */
  readonly isReadable?: boolean;
  /** Whether tombstones cannot be written. */
  readonly cannotClear: boolean;
}

/** The keys of a blob in Redis. */
export interface BlobKeys {
  readonly members: string;
  readonly global: string;
  readonly scoped: string;
}

export function keysOfBlob({ name, digest }: Pushed): BlobKeys {
  const members = `repository::${name}::blobs`;
  return { members, global: `blobs::${digest}`, scoped: `${members}::${digest}` };
}

const at = (url: string) => ({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: ADDRESS.token });
const wire = (name: string, url: string): Trouble => ({ name, variables: at(url), cannotClear: true });

/** Redis does not answer, answers late, or something other than Redis answers. */
export function wireTroubles(): Trouble[] {
  return [
    wire('down', 'http://127.0.0.1:1'),
    wire('silent', createScriptedServer({ instead: 'silence' }).url),
    wire('closing', createScriptedServer({ instead: 'close' }).url),
    wire('HTML instead of JSON', createScriptedServer({ body: '<html><body>Bad gateway</body></html>' }).url),
    wire('HTML with a 502', createScriptedServer({ status: 502, body: '<html></html>' }).url),
    wire('truncated JSON', createScriptedServer({ body: '[{"result":1},{"result":["sha2' }).url),
    wire('JSON of another shape', createScriptedServer({ body: '{"result":"OK"}' }).url),
    wire('a list of nothing', createScriptedServer({ body: '[{},{},{}]' }).url),
    {
      name: 'rejecting the token',
      variables: { ...at(ADDRESS.url), UPSTASH_REDIS_REST_TOKEN: 'no' },
      cannotClear: true,
    },
    {
      name: 'slow',
      variables: at(createScriptedServer({ forward: ADDRESS.url, waitMs: 400 }).url),
      isLate: true,
      cannotClear: false,
    },
  ];
}

/** One of the keys has another type. */
export function typeTroubles(): Trouble[] {
  return (['members', 'global', 'scoped'] as const).map((which) => ({
    name: `a string for ${which}`,
    spoil: (keys) => redis.set(keys[which], 'text'),
    cannotClear: false,
  }));
}

const OTHER = `sha256:${'0'.repeat(64)}`;
const POISONS: readonly [which: 'global' | 'scoped', field: string, value: string][] = [
  ['global', 'size', 'large'],
  ['global', 'size', '-1'],
  ['global', 'size', '1.5'],
  ['global', 'size', '0'],
  ['global', 'size', '99999999999999999999'],
  ['global', 'size', ''],
  ['global', 'digest', OTHER],
  ['global', 'digest', 'sha256:short'],
  ['global', 'digest', ''],
  ['global', 'cleared', 'soon'],
  ['scoped', 'mediatype', 'text/plain\r\nx-evil: 1'],
  ['scoped', 'mediatype', 'none'],
  ['scoped', 'verified', 'yesterday'],
  ['scoped', 'verified', '-5'],
  ['scoped', 'verified', '9007199254740991'],
  ['scoped', 'cleared', 'never'],
  ['scoped', 'cleared', '9999999999999999'],
];

/** One of the fields is malformed. */
export function poisonTroubles(): Trouble[] {
  return POISONS.map(([which, field, value]) => ({
    name: `${which} ${field} ${JSON.stringify(value)}`,
    spoil: (keys) => redis.hset(keys[which], { [field]: value }),
    cannotClear: false,
  }));
}

const late = async <T>(work: () => Promise<T>): Promise<T> => {
  await new Promise((resolve) => setTimeout(resolve, 400));
  return work();
};
const silence = () => new Promise<never>(() => {});
const kv = env.DESCRIPTORS;
const namespaceOf = (methods: object) => methods as unknown as DescriptorNamespace;

const MALFORMED = ['not json', 'null', '{}', '{"digest":"D","size":"9","mediaType":"a/b","verifiedAt":1}', '[1,2]'];

/** KV fails, does not answer, answers late, rejects writes, or holds a malformed value. */
export function kvTroubles(): Trouble[] {
  const get: DescriptorNamespace['get'] = kv.get.bind(kv);
  const put: DescriptorNamespace['put'] = kv.put.bind(kv);
  return [
    { name: 'failing', namespace: namespaceOf({ get: refuse, put: refuse }), cannotClear: true },
    { name: 'silent', namespace: namespaceOf({ get: silence, put: silence }), cannotClear: true },
    { name: 'rejecting writes', namespace: namespaceOf({ get, put: refuse }), isReadable: true, cannotClear: true },
    {
      name: 'slow',
      namespace: namespaceOf({
        get: (...call: Parameters<typeof get>) => late(() => get(...call)),
        put: (...call: Parameters<typeof put>) => late(() => put(...call)),
      }),
      isLate: true,
      cannotClear: false,
    },
    ...MALFORMED.map((value) => ({
      name: `the entry ${value}`,
      spoil: (_keys: BlobKeys, { name, digest }: Pushed) => kv.put(`blobs::${name}::${digest}`, value),
      cannotClear: false,
    })),
    {
      name: 'the tombstone "soon"',
      spoil: (_keys, { name, digest }) => kv.put(`cleared::blobs::${name}::${digest}`, 'soon'),
      cannotClear: false,
    },
  ];
}

/** Objects are overloaded, restart, do not answer, answer late, or reject writes. */
export function objectTroubles(): Trouble[] {
  // As the runtime rejects a request to an object that is restarted while it answers.
  const restarted = Object.assign(new Error('Durable Object reset because its code was updated.'), { retryable: true });
  const isRead = (method: string) => method.startsWith('read');
  return [
    { name: 'overloaded', objects: FAILING_OBJECTS, cannotClear: true },
    { name: 'restarted', objects: interceptObjects(() => Promise.reject(restarted)), cannotClear: true },
    { name: 'silent', objects: interceptObjects(silence), cannotClear: true },
    {
      name: 'answering too late, after it has written',
      objects: interceptObjects(async (_method, _args, call) => {
        await call();
        return silence();
      }),
      cannotClear: true,
    },
    {
      name: 'rejecting writes',
      objects: interceptObjects((method, _args, call) => (isRead(method) ? call() : Promise.reject(restarted))),
      isReadable: true,
      cannotClear: true,
    },
    {
      name: 'slow',
      objects: interceptObjects((_method, _args, call) => late(call)),
      isLate: true,
      cannotClear: false,
    },
  ];
}
