import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Patterns, parsePatterns } from '../../src/oci/patterns.ts';

const matches = (patterns: string, name: string) => (parsePatterns(patterns) as Patterns).matches(name);

describe('patterns', () => {
  // The table of docs/configuration.md.
  it.each<[patterns: string, matched: string[], others: string[]]>([
    ['team/app', ['team/app'], ['team/app2', 'a/team/app', 'team/app/cli', 'Team/app']],
    ['team/*', ['team/app', 'team/web'], ['team', 'team/app/cli', 'other/app']],
    ['team/**', ['team/app', 'team/app/cli'], ['team', 'teams/app']],
    ['*/app', ['team/app', 'web/app'], ['app', 'a/b/app', 'team/apps']],
    ['**/app', ['team/app', 'a/b/app'], ['app']],
    ['*', ['app', 'my-app'], ['team/app']],
    ['**', ['app', 'team/app', 'a/b/c'], []],
    ['team/app-*', ['team/app-1', 'team/app-'], ['team/app', 'team/app-1/cli']],
    ['v*.*', ['v1.2', 'v1.2.3'], ['v1', 'latest']],
    ['team/**,!team/secret/**', ['team/app', 'team/secret'], ['team/secret/app']],
    ['!team/secret,team/*', ['team/app'], ['team/secret']],
    ['a,b', ['a', 'b'], ['a,b', 'ab']],
    [' a , b ', ['a', 'b'], [' a ']],
    ['a.b', ['a.b'], ['axb']],
    ['', [], ['', 'a']],
  ])('%s', (patterns, matched, others) => {
    expect([...matched, ...others].filter((name) => matches(patterns, name))).toEqual(matched);
  });

  it.each([
    ['an empty one', 'a,,b'],
    ['a space', 'a b'],
    ['what is not ASCII', 'ä'],
    ['a long one', 'a'.repeat(258)],
    ['too many', Array(101).fill('a').join()],
    ['only excluding ones', '!a,!b'],
  ])('refuse %s', (_what, patterns) => {
    expect(parsePatterns(patterns)).toBeUndefined();
  });

  const component = fc.stringMatching(/^[ab.+-]{1,4}$/);
  const name = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join('/'));
  const word = fc.constantFrom('a', 'b', '.', '+', '/', '*', '**');
  const pattern = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(''));

  /** Says the same in another way: tries every way to read the name. */
  function reads(words: string, text: string): boolean {
    if (words === '') return text === '';
    const wildcard = /^\*+/.exec(words)?.[0];
    if (!wildcard) return text !== '' && words[0] === text[0] && reads(words.slice(1), text.slice(1));
    const rest = words.slice(wildcard.length);
    const longest = wildcard === '*' ? text.split('/')[0]?.length : text.length;
    return Array.from({ length: (longest ?? 0) + 1 }).some((_way, taken) => reads(rest, text.slice(taken)));
  }

  it('match what their words say, and nothing else', () => {
    fc.assert(
      fc.property(pattern, name, (words, text) => {
        expect(matches(words, text)).toBe(reads(words, text));
      }),
    );
  });

  it('match a name that is made from them', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.tuple(fc.constant('*'), component),
            name.map((text) => [text, text] as const),
          ),
        ),
        (parts) => {
          fc.pre(parts.length > 0);
          const words = parts.map(([part]) => part).join('/');
          expect(matches(words, parts.map(([, text]) => text).join('/'))).toBe(true);
          expect(matches(words.replaceAll('*', '**'), parts.map(([, text]) => text).join('/'))).toBe(true);
        },
      ),
    );
  });

  it('excluding wins, in whatever order', () => {
    const both = fc.tuple(fc.array(pattern, { minLength: 1, maxLength: 3 }), fc.array(pattern, { maxLength: 3 }), name);
    fc.assert(
      fc.property(both, fc.boolean(), ([included, excluded, text], isFirst) => {
        const denied = excluded.map((words) => `!${words}`);
        const all = isFirst ? [...denied, ...included] : [...included, ...denied];
        const expected = included.some((words) => reads(words, text)) && !excluded.some((words) => reads(words, text));
        expect(matches(all.join(), text)).toBe(expected);
      }),
    );
  });

  it('take no longer for many wildcards', () => {
    expect(matches(`${'**a'.repeat(80)}b`, 'a'.repeat(255))).toBe(false);
  });
});
