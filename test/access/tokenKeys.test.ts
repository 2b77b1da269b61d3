import { describe, expect, inject, it } from 'vitest';
import { createTokenKeys, type KeySource } from '../../src/access/tokenKeys.ts';
import type { PublicKey } from '../../src/http/jwt.ts';
import { MAX_KEYS } from '../../src/http/tokenSettings.ts';
import { contextOf, createClock } from '../support/context.ts';
import { rig } from '../support/push.ts';
import { createScriptedServer } from '../support/scripted.ts';
import { createIssuer } from '../support/tokens.ts';

const [configured, known, later] = [await createIssuer(), await createIssuer(), await createIssuer()];
const keySet = (...issuers: { jwk: JsonWebKey }[]) => JSON.stringify({ keys: issuers.map(({ jwk }) => jwk) });

function setup(url: string) {
  const clock = createClock();
  const ctx = contextOf(clock);
  const source = {
    configured: [{ jwk: configured.jwk }],
    findUrl: async () => new URL(url),
    variable: 'TOKEN_JWKS_URL',
  };
  const keys = createTokenKeys(source as unknown as KeySource);
  return { clock, ctx, keys };
}

const jwksIn = (keys: readonly PublicKey[] | undefined) => keys?.map((key) => ('jwk' in key ? key.jwk : key));

describe('createTokenKeys', () => {
  it('finds a key that was added to the set, 30 s after the last fetch', async () => {
    const prefix = `/_keys/${crypto.randomUUID()}`;
    await rig.rule({ prefix, status: 200, body: keySet(known), times: 1 });
    await rig.rule({ prefix, status: 200, body: keySet(known, later) });
    const { clock, ctx, keys } = setup(inject('originUrl') + prefix);
    expect(jwksIn(await keys.current(ctx))).toEqual([configured.jwk, known.jwk]);
    clock.advance(29_999);
    expect(await keys.refreshed(ctx)).toBeUndefined();
    clock.advance(1);
    const all = [configured.jwk, known.jwk, later.jwk];
    expect(jwksIn(await keys.refreshed(ctx))).toEqual(all);
    expect(jwksIn(await keys.current(ctx))).toEqual(all);
  });

  it('asks for JSON, and after ten minutes again, which lives on after the reply', async () => {
    const server = createScriptedServer({ body: keySet(known), waitMs: 200 });
    const { clock, ctx, keys } = setup(server.url);
    await keys.current(ctx);
    clock.advance(599_999);
    await keys.current(ctx);
    const calls = await server.calls();
    expect(calls.map(({ headers }) => headers.accept)).toEqual(['application/json']);
    clock.advance(1);
    await keys.current(ctx);
    await ctx.settled();
    expect((await server.calls()).map(({ outcome }) => outcome)).toEqual(['answered', 'answered']);
  });

  it('reads so many keys of a set as a token may have to be tried with, at most', async () => {
    const server = createScriptedServer({ body: keySet(...Array(MAX_KEYS).fill(known), later) });
    const { ctx, keys } = setup(server.url);
    expect(jwksIn(await keys.current(ctx))).toEqual([configured.jwk, ...Array(MAX_KEYS).fill(known.jwk)]);
  });

  it('has no new keys where the set cannot be fetched', async () => {
    const { ctx, keys } = setup(createScriptedServer({ status: 500, body: keySet(known) }).url);
    expect(await keys.refreshed(ctx)).toBeUndefined();
    expect(jwksIn(await keys.current(ctx))).toEqual([configured.jwk]);
  });
});
