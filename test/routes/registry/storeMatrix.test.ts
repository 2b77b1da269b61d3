import { env } from 'cloudflare:workers';
import { describe, expect, inject, it } from 'vitest';
import { keysOfEntry, repositoryObject } from '../../support/durableStore.ts';
import { createEdge, type Edge } from '../../support/edge.ts';
import { earnGrant } from '../../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';
import { fieldsOf, NO_REDIS, REDIS, snapshot } from '../../support/redisStore.ts';
import {
  keysOfBlob,
  kvTroubles,
  objectTroubles,
  poisonTroubles,
  type Trouble,
  typeTroubles,
  wireTroubles,
} from '../../support/storeTroubles.ts';

const CACHE_TIMEOUT_MS = 150;
/** An origin that is down is not waited for long, and one that is slow is not taken to be down on a busy machine. */
const ORIGIN_TIMEOUT_MS = { healthy: 5_000, slow: 5_000, down: 1_000 } as const;
/** A cell shares the cores with other cells, and with other test files. */
const TOLERANCE_MS = 2_000;
const CONCURRENCY = 10;

const ORIGIN_DELAYS_MS = { healthy: 0, slow: 200, down: 5_000 } as const;
type OriginState = keyof typeof ORIGIN_DELAYS_MS;
/** `write-back`: the caller has no grant, so the store is used only after the reply. */
const OPERATIONS = ['HEAD hit', 'HEAD miss', 'write-back', 'clear'] as const;
type Operation = (typeof OPERATIONS)[number];

const LIMITS = { CACHE_TIMEOUT: `${CACHE_TIMEOUT_MS}ms` };

/** What a store holds of a blob, and whether that is correct. */
interface Store {
  readonly variables: Record<string, string>;
  content(blob: Pushed): Promise<unknown>;
  isCorrect(blob: Pushed): Promise<boolean>;
}

const isNow = (time: unknown) => Math.abs(Number(time) - Date.now()) < 60_000;
const MEDIA_TYPE = 'application/octet-stream';

const redisStore: Store = {
  variables: { ...REDIS, ...LIMITS },
  content: ({ name, digest }) => snapshot(name, digest),
  async isCorrect(blob) {
    const keys = keysOfBlob(blob);
    const [global, own] = [await fieldsOf(keys.global), await fieldsOf(keys.scoped)];
    const isSame = global.digest === blob.digest && global.size === String(blob.bytes.length);
    return isSame && global.mediatype === MEDIA_TYPE && own.mediatype === MEDIA_TYPE && isNow(own.verified);
  },
};

const durableStore: Store = {
  variables: { BLOBDESCRIPTOR: 'durable', ...LIMITS },
  content: ({ name, digest }) => storedInObject(name, digest),
  async isCorrect({ name, digest, bytes }) {
    const { entry } = await storedInObject(name, digest);
    const descriptor = { digest, size: bytes.length, mediaType: MEDIA_TYPE };
    return JSON.stringify(entry?.descriptor) === JSON.stringify(descriptor) && isNow(entry?.verifiedAt);
  },
};

async function storedInObject(name: string, digest: string) {
  const { rows } = await repositoryObject(inject('originUrl'), name).readEntries(keysOfEntry(digest));
  return rows[0] ?? { entry: undefined, clearedUntil: 0 };
}

const kvStore: Store = {
  variables: { BLOBDESCRIPTOR: 'kv', ...LIMITS },
  content: async ({ name, digest }) =>
    Promise.all(['', 'cleared::'].map((prefix) => env.DESCRIPTORS.get(`${prefix}blobs::${name}::${digest}`))),
  async isCorrect({ name, digest, bytes }) {
    const { verifiedAt, ...descriptor } = JSON.parse((await env.DESCRIPTORS.get(`blobs::${name}::${digest}`)) ?? '{}');
    const expected = { digest, size: bytes.length, mediaType: MEDIA_TYPE };
    return JSON.stringify(descriptor) === JSON.stringify(expected) && isNow(verifiedAt);
  },
};

interface Cell {
  readonly store: Store;
  readonly trouble: Trouble;
  readonly operation: Operation;
  readonly origin: OriginState;
}

/**
 * Prepares a blob, its entry in the store if the operation needs one, the trouble, and a caller with or without a
 * grant.
 */
async function prepare({ store, trouble, operation, origin }: Cell): Promise<{ blob: Pushed; edge: Edge }> {
  const blob = await pushBlob();
  const hasEntry = operation === 'HEAD hit' || operation === 'clear';
  if (hasEntry) await createEdge(store.variables).fetch(blob.path, { method: 'HEAD' });
  await trouble.spoil?.(keysOfBlob(blob), blob);
  const edge = createEdge(
    { ...store.variables, ...trouble.variables, ORIGIN_TIMEOUT: `${ORIGIN_TIMEOUT_MS[origin]}ms` },
    {
      namespace: trouble.namespace,
      objects: trouble.objects,
    },
  );
  if (operation !== 'write-back') await earnGrant(edge, blob);
  if (ORIGIN_DELAYS_MS[origin] > 0) await rig.rule({ prefix: `/v2/${blob.name}/`, delayMs: ORIGIN_DELAYS_MS[origin] });
  return { blob, edge };
}

/** @returns what went wrong in this cell */
async function checkHead(cell: Cell): Promise<string[]> {
  const { store, trouble, operation, origin } = cell;
  const { blob, edge } = await prepare(cell);
  const before = JSON.stringify(await store.content(blob));
  const since = Date.now();
  const { answer, over } = edge.send(blob.path, { method: 'HEAD' });
  const response = await answer;
  const tookMs = Date.now() - since;
  await over;

  const wrong: string[] = [];
  const fromStore = operation === 'HEAD hit' && (trouble.isLate || trouble.isReadable);
  const status = origin === 'down' && !fromStore ? 502 : 200;
  if (response.status !== status) wrong.push(`status ${response.status} for ${status}`);
  const size = response.headers.get('content-length');
  if (response.status === 200 && size !== String(blob.bytes.length)) wrong.push(`size ${size}`);
  const limitMs = CACHE_TIMEOUT_MS + Math.min(ORIGIN_DELAYS_MS[origin], ORIGIN_TIMEOUT_MS[origin]) + TOLERANCE_MS;
  if (tookMs > limitMs) wrong.push(`took ${tookMs} ms`);
  // Nothing wrong is written: the store is unchanged, or, after a miss (even a late one), it is correct.
  const after = JSON.stringify(await store.content(blob));
  if (after !== before && !(await store.isCorrect(blob))) wrong.push(`the store changed to ${after}`);
  return wrong;
}

async function checkClear(cell: Cell): Promise<string[]> {
  const { blob, edge } = await prepare(cell);
  const { status } = await edge.fetch(blob.path, {
    method: 'DELETE',
    headers: { authorization: 'Basic ZGVsZXRlcjpzZWNyZXQ=' },
  });
  const isSent = (await blob.questions()).includes(`DELETE ${blob.path}`);
  const refusal = cell.origin === 'down' ? 502 : cell.trouble.cannotClear ? 503 : undefined;
  if (refusal) return status === refusal && !isSent ? [] : [`status ${status} for ${refusal}, sent: ${isSent}`];
  const after = await edge.fetch(blob.path, { method: 'HEAD' });
  return status === 202 && after.status === 404 ? [] : [`status ${status}, HEAD ${after.status}`];
}

async function runMatrix(name: string, store: Store, troubles: Trouble[]): Promise<void> {
  const cells: Cell[] = troubles.flatMap((trouble) =>
    OPERATIONS.flatMap((operation) =>
      (Object.keys(ORIGIN_DELAYS_MS) as OriginState[]).map((origin) => ({ store, trouble, operation, origin })),
    ),
  );
  const failures: string[] = [];
  const pending = [...cells];
  const worker = async () => {
    for (let cell = pending.pop(); cell; cell = pending.pop()) {
      const wrong = await (cell.operation === 'clear' ? checkClear(cell) : checkHead(cell)).catch((error: Error) => [
        `${error}`,
      ]);
      const title = `${cell.trouble.name} × ${cell.operation} × origin ${cell.origin}`;
      if (wrong.length > 0) failures.push(`${title}: ${wrong.join(', ')}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const shape = `${troubles.length} troubles × ${OPERATIONS.length} operations × ${Object.keys(ORIGIN_DELAYS_MS).length} origins`;
  console.log(`${name} in trouble: ${shape} = ${cells.length} cells, ${failures.length} wrong`);
  expect(failures).toEqual([]);
}

describe('a store in trouble costs nothing but speed, in every cell of trouble × operation × origin', () => {
  it('Durable Objects', { timeout: 120_000 }, () => runMatrix('Durable Objects', durableStore, objectTroubles()));
  it('KV', { timeout: 120_000 }, () => runMatrix('KV', kvStore, kvTroubles()));
});

describe.skipIf(NO_REDIS)(
  'a store in trouble costs nothing but speed, in every cell of trouble × operation × origin',
  () => {
    it('Redis', { timeout: 120_000 }, () =>
      runMatrix('Redis', redisStore, [...wireTroubles(), ...typeTroubles(), ...poisonTroubles()]),
    );
  },
);
