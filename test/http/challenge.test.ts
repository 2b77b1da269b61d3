import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BearerChallenge, parseBearerChallenge, withRealm } from '../../src/http/challenge.ts';

const REALM = 'https://auth.example.com/token';

describe('parseBearerChallenge', () => {
  it.each<[string, string]>([
    ['quoted parameters', `Bearer realm="${REALM}",service="s",error="e"`],
    ['spaces around commas and signs', `Bearer   realm = "${REALM}" ,  service="s" , error = e`],
    [
      'another order, and a scope with commas',
      `bearer scope="repository:a:pull,push",error="e",service=s,realm="${REALM}"`,
    ],
    ['upper case', `BEARER REALM="${REALM}",SERVICE="s",ERROR="e"`],
    ['a challenge before it', `Basic realm="other", Bearer realm="${REALM}",service="s",error="e"`],
    ['a challenge after it', `Bearer realm="${REALM}",service="s",error="e", Basic realm="other"`],
    ['a scheme with a token before it', `Negotiate YWJj==, Bearer realm="${REALM}",service="s",error="e"`],
    ['a token of all its characters', `Negotiate a-._~+/Z9=, Bearer realm="${REALM}",service="s",error="e"`],
    ['a scheme alone before it', `Negotiate, Bearer realm="${REALM}",service="s",error="e"`],
    ['two of them', `Bearer realm="${REALM}",service="s",error="e", Bearer realm="https://second.test"`],
    ['one without a realm before it', `Bearer service="x", Bearer realm="${REALM}",service="s",error="e"`],
    ['escaped characters', `Bearer realm="${REALM}",service="\\s",error="e"`],
  ])('reads %s', (_what, header) => {
    expect(parseBearerChallenge(header)).toMatchObject({ realm: REALM, service: 's', error: 'e' });
  });

  it.each<[string, string | null]>([
    ['no header', null],
    ['an empty one', ''],
    ['only another scheme', 'Basic realm="r"'],
    ['no realm', 'Bearer service="s"'],
    ['an empty realm', 'Bearer realm=""'],
    ['parameters of no scheme', `realm="${REALM}"`],
    ['a scheme that only begins like it', `BearerX realm="${REALM}"`],
    ['a realm within a quoted string', 'Basic realm="Bearer realm=x"'],
    ['too much', `Bearer realm="${REALM}",service="${'s'.repeat(8_192)}"`],
    ['what is no challenge', '\u0000"""==,,'],
  ])('finds none in %s', (_what, header) => {
    expect(parseBearerChallenge(header)).toBeUndefined();
  });

  it('ends for any text, and finds a challenge after any other well-formed one', () => {
    const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/).filter((text) => text.toLowerCase() !== 'bearer');
    const value = fc.string().map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
    const other = fc
      .tuple(word, fc.array(fc.tuple(word, value)))
      .map(([scheme, params]) => `${scheme} ${params.map(([name, text]) => `${name}=${text}`).join(', ')}`);
    fc.assert(
      fc.property(fc.string(), fc.array(other, { maxLength: 3 }), (noise, others) => {
        parseBearerChallenge(noise);
        const found = parseBearerChallenge([...others, `Bearer realm="${REALM}"`].join(', '));
        expect(found?.realm).toBe(REALM);
      }),
    );
  });
});

describe('withRealm', () => {
  it.each([
    [`Bearer realm="${REALM}",service="s"`, 'Bearer realm="https://edge.test/t",service="s"'],
    [`Bearer service=s, realm=${REALM}`, 'Bearer service=s, realm="https://edge.test/t"'],
    [`Bearer realm = "a\\"b" , error=e`, 'Bearer realm = "https://edge.test/t" , error=e'],
    [
      `Basic realm="b", bearer realm="${REALM}", Basic realm="c"`,
      'Basic realm="b", bearer realm="https://edge.test/t", Basic realm="c"',
    ],
    [
      `Bearer error="x", Basic realm="b", Bearer realm="${REALM}"`,
      'Bearer error="x", Basic realm="b", Bearer realm="https://edge.test/t"',
    ],
  ])('replaces the realm that was found, and nothing else, in %s', (header, expected) => {
    const challenge = parseBearerChallenge(header) as BearerChallenge;
    expect(withRealm(header, challenge, 'https://edge.test/t')).toBe(expected);
  });
});
