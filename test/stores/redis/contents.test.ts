import { describe, expect, it } from 'vitest';
import { CacheFault } from '../../../src/stores/faults.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { uniqueDigest } from '../../support/digests.ts';
import { createScriptedServer } from '../../support/scripted.ts';
import { openRedis } from '../../support/stores.ts';

describe('createRedisContents', () => {
  it.each(['{"result":1}', '{"result":{}}', '{"result":["OK"]}', '{}'])(
    'reports a reply that is not one of Redis as a fault, never as a miss: %s',
    async (body) => {
      const ctx = contextOf(createClock(Date.now()));
      const { contents } = openRedis({}, { url: createScriptedServer({ body }).url, token: 'token' });
      await expect(contents.get(ctx, uniqueDigest())).rejects.toBeInstanceOf(CacheFault);
      await expect(contents.put(ctx, uniqueDigest(), new Uint8Array([1]))).rejects.toBeInstanceOf(CacheFault);
    },
  );
});
