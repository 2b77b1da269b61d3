import { hash as bcrypt } from 'bcrypt-ts/browser';
import { describe, expect, it, vi } from 'vitest';
import { createUsers } from '../../src/access/users.ts';
import type { UserSecret, UserSettings } from '../../src/http/userSettings.ts';
import { createMemory } from '../../src/isolate/memory.ts';
import { type Patterns, parsePatterns } from '../../src/oci/patterns.ts';
import { contextOf, createClock } from '../support/context.ts';
import { sha256 } from '../support/push.ts';

const [TOKEN, PASSWORD] = ['token-of-ci', 'password-of-alice'];
const basic = (name: string, secret: string) => `Basic ${btoa(`${name}:${secret}`)}`;
const [CI, ALICE] = [basic('ci', TOKEN), basic('alice', PASSWORD)];
const [SOME, NONE] = ['a/b', ''].map((text) => parsePatterns(text) as Patterns) as [Patterns, Patterns];
const userOf = (name: string, secret: UserSecret): UserSettings => ({
  ...{ name, secret, pull: SOME, push: NONE, delete: NONE, catalog: false },
});

/** Creates the users `ci` and, with a password, `alice`. @returns what names the user who sent an Authorization */
async function setup() {
  const clock = createClock();
  const list = [
    userOf('ci', { kind: 'sha256', hash: (await sha256(TOKEN)).slice('sha256:'.length) }),
    userOf('alice', { kind: 'bcrypt', line: await bcrypt(PASSWORD, 4) }),
  ];
  const users = createUsers({ users: list, identities: undefined }, createMemory({ entries: 100, bytes: 100_000 }));
  const identify = async (authorization: string) => {
    const ctx = contextOf(clock, new Request('http://edge.test/v2/', { headers: { authorization } }));
    return (await users.identify(ctx))?.name;
  };
  return { clock, identify };
}

describe('createUsers', () => {
  it('gives each of several logins at the same time its own answer', async () => {
    const { identify } = await setup();
    const logins = [ALICE, basic('alice', 'wrong'), CI, basic('ci', 'wrong')];
    expect(await Promise.all(logins.map(identify))).toEqual(['alice', undefined, 'ci', undefined]);
  });

  it('hears a login that is known, whatever has failed under its name', async () => {
    const { identify } = await setup();
    expect(await identify(CI)).toBe('ci');
    for (let n = 0; n < 10; n++) expect(await identify(basic('ci', `${n}`))).toBeUndefined();
    expect(await identify(CI)).toBe('ci');
    // The same login in another form is not known.
    expect(await identify(CI.replace(' ', '  '))).toBeUndefined();
  });

  it.each([
    ['after another word', `Digest ${CI}`],
    ['before another word', `${CI} x`],
    ['without a colon', `Basic ${btoa('ci')}`],
  ])('identifies nobody by a login %s', async (_what, authorization) => {
    expect(await (await setup()).identify(authorization)).toBeUndefined();
  });

  it('spends on unknown names what it spends on users', async () => {
    const { identify } = await setup();
    const digest = vi.spyOn(crypto.subtle, 'digest');
    // Of twenty names, some cost what this user does, whose token is hashed.
    for (let n = 0; n < 20; n++) await identify(basic(`unknown-${n}`, TOKEN));
    expect(digest.mock.calls.length).toBeGreaterThan(0);
    digest.mockRestore();
  });
});
