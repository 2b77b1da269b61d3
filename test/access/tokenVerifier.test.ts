import { describe, expect, it } from 'vitest';
import type { TokenKeys } from '../../src/access/tokenKeys.ts';
import { createTokenVerifier } from '../../src/access/tokenVerifier.ts';
import type { TokenSettings } from '../../src/http/tokenSettings.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { contextOf, createClock } from '../support/context.ts';
import { accessTo, createIssuer, ISSUER, SERVICE } from '../support/tokens.ts';

const issuer = await createIssuer();
const OWN = [{ jwk: issuer.jwk }] as unknown as Awaited<ReturnType<TokenKeys['current']>>;

/** Creates a verifier that knows keys, and finds others when it looks for new ones. */
function setup(current: typeof OWN, refreshed?: typeof OWN) {
  const clock = createClock(Date.now());
  const keys: TokenKeys = { current: async () => current, refreshed: async () => refreshed };
  const settings = { issuer: ISSUER, service: SERVICE } as TokenSettings;
  return {
    clock,
    ctx: contextOf(clock),
    verifier: createTokenVerifier(settings, keys, createMemory({ entries: 10, bytes: 100_000 })),
  };
}

describe('createTokenVerifier', () => {
  it('recalls a token that it has verified, until it expires', async () => {
    const { clock, ctx, verifier } = setup(OWN);
    const exp = Math.floor(clock.now() / 1_000) + 300;
    const token = await issuer.issue({ ...accessTo('a/b'), exp });
    expect(verifier.recall(ctx, token)).toBeUndefined();
    const verified = { subject: 'alice', pulls: new Set(['a/b']) };
    expect(await verifier.verify(ctx, token)).toEqual(verified);
    clock.advance(exp * 1_000 - 1 - clock.now());
    expect(verifier.recall(ctx, token)).toEqual(verified);
    clock.advance(1);
    expect(verifier.recall(ctx, token)).toBeUndefined();
  });

  it('recalls for 30 s that it could not verify a token', async () => {
    const { clock, ctx, verifier } = setup([]);
    const token = await issuer.issue(accessTo('a/b'));
    expect(await verifier.verify(ctx, token)).toBe('unverified');
    expect(verifier.recall(ctx, await issuer.issue())).toBeUndefined();
    clock.advance(29_999);
    expect(verifier.recall(ctx, token)).toBe('unverified');
    clock.advance(1);
    expect(verifier.recall(ctx, token)).toBeUndefined();
  });

  it('verifies a token whose key it had to look for', async () => {
    const { ctx, verifier } = setup([], OWN);
    expect(await verifier.verify(ctx, await issuer.issue(accessTo('a/b')))).toMatchObject({ subject: 'alice' });
    const foreign = await createIssuer();
    expect(await verifier.verify(ctx, await foreign.issue(accessTo('a/b')))).toBe('unverified');
  });
});
