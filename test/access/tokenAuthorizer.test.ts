import { describe, expect, it } from 'vitest';
import type { Access, Authorizer } from '../../src/access/authorizer.ts';
import { createTokenAuthorizer } from '../../src/access/tokenAuthorizer.ts';
import type { TokenVerifier, VerifiedToken } from '../../src/access/tokenVerifier.ts';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { contextOf, createClock } from '../support/context.ts';

const [name, other] = [parseRepositoryName('a/b'), parseRepositoryName('a/c')];
const GRANTED: Access = { kind: 'granted', mayPush: true };
const UNPROVEN: Access = { kind: 'unproven' };

/** Creates the authorizer for tokens that are all valid, before an origin that grants what it is told to. */
function setup(access: Access | Promise<Access>, pulls: readonly string[]) {
  const calls: unknown[] = [];
  const origin: Authorizer = {
    authorize: () => access,
    onlyPulls: () => false,
    recordProof: (_ctx, ...args) => void calls.push(['recordProof', ...args]),
    recordRefusal: (_ctx, ...args) => void calls.push(['recordRefusal', ...args]),
    needsLogin: () => true,
  };
  const verified = (token: string): VerifiedToken => ({ subject: token, pulls: new Set(pulls) });
  const verifier: TokenVerifier = {
    recall: (_ctx, token) => verified(token),
    verify: async (_ctx, token) => verified(token),
  };
  const clock = createClock();
  const authorizer = createTokenAuthorizer(origin, verifier, (subject) => subject === 'reader');
  const contextFor = (authorization?: string) =>
    contextOf(clock, new Request('http://edge.test/v2/', { headers: authorization ? { authorization } : {} }));
  const authorize = (token: string, repository = name) =>
    authorizer.authorize(contextFor(`Bearer ${token}`), repository, 'HEAD blobs');
  return { authorizer, authorize, calls, contextFor };
}

describe('createTokenAuthorizer', () => {
  it('lets a subject that only pulls not push, whoever proved its right to pull', async () => {
    for (const access of [GRANTED, Promise.resolve(GRANTED)]) {
      const { authorize } = setup(access, []);
      expect(await authorize('reader')).toEqual({ kind: 'granted', mayPush: false });
      expect(await authorize('alice')).toEqual({ kind: 'granted', mayPush: true });
    }
  });

  it('knows a subject that only pulls, also where nothing is proved of it', async () => {
    const { authorizer, contextFor } = setup(UNPROVEN, []);
    const onlyPulls = (authorization?: string) => authorizer.onlyPulls(contextFor(authorization), name);
    expect([await onlyPulls('Bearer reader'), await onlyPulls('Bearer alice')]).toEqual([true, false]);
    expect([await onlyPulls('Basic cmVhZGVyOg=='), await onlyPulls()]).toEqual([false, false]);
  });

  it('grants nothing that neither the token nor the origin grants', async () => {
    for (const access of [UNPROVEN, Promise.resolve(UNPROVEN)]) {
      expect(await setup(access, []).authorize('reader')).toEqual(UNPROVEN);
    }
  });

  it('doubts a token that the origin refused only in that repository, and no other token', () => {
    const { authorizer, authorize, contextFor } = setup(UNPROVEN, [name, other]);
    authorizer.recordRefusal(contextFor('Bearer alice'), name);
    expect(authorize('alice')).toEqual(UNPROVEN);
    expect(authorize('alice', other)).toEqual(GRANTED);
    expect(authorize('bob')).toEqual(GRANTED);
  });

  it('leaves to the origin what it has proved and refused, and who has to log in', () => {
    const { authorizer, calls, contextFor } = setup(UNPROVEN, []);
    const stranger = contextFor();
    authorizer.recordProof(stranger, name, 'GET blobs');
    authorizer.recordRefusal(stranger, name);
    expect(calls).toEqual([
      ['recordProof', name, 'GET blobs'],
      ['recordRefusal', name],
    ]);
    expect(authorizer.needsLogin(stranger, name)).toBe(true);
  });
});
