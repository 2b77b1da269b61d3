import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRepositoryScan } from '../../src/oci/repositoryScan.ts';

function namesIn(text: string, pieceLength = text.length || 1, max = 100): string[] {
  const scan = createRepositoryScan(max);
  for (let at = 0; at < text.length; at += pieceLength) scan.read(text.slice(at, at + pieceLength));
  return [...scan.found].sort();
}

const target = (repository: unknown, more: object = {}) => ({
  action: 'push',
  target: { repository, tag: 'a', ...more },
});

describe('createRepositoryScan', () => {
  it.each<[string, string, string[]]>([
    ['JSON as Go writes it', JSON.stringify({ events: [target('team/app')] }), ['team/app']],
    ['JSON with white space', JSON.stringify({ events: [target('team/app')] }, undefined, '   '), ['team/app']],
    ['with escaped slashes', '{"repository":"team\\/app"}', ['team/app']],
    ['several repositories', JSON.stringify({ events: ['a', 'b', 'a'].map((name) => target(name)) }), ['a', 'b']],
    ['the longest name', JSON.stringify(target('a'.repeat(255))), ['a'.repeat(255)]],
    ['a name that is too long', JSON.stringify(target('a'.repeat(256))), []],
    ['an invalid name', JSON.stringify(target('Team/app')), []],
    ['a repository that is not a string', JSON.stringify(target(1)), []],
    ['the repository of a mount’s source', JSON.stringify({ fromRepository: 'team/other' }), []],
    ['a name within a string', JSON.stringify({ annotations: { a: '{"repository":"team/app"}' } }), []],
    ['a name that is cut off', JSON.stringify(target('team/app')).slice(0, 45), []],
  ])('%s', (_what, text, names) => {
    expect(namesIn(text)).toEqual(names);
  });

  it('finds the same names in pieces of any length', () => {
    const names = Array.from({ length: 20 }, (_, n) => `team/app${n}`);
    const text = JSON.stringify({ events: names.map((name) => target(name, { references: Array(40).fill(name) })) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: text.length }), (length) => {
        expect(namesIn(text, length)).toEqual([...names].sort());
      }),
    );
  });

  it('finds no more names than the maximum', () => {
    const text = JSON.stringify(Array.from({ length: 50 }, (_, n) => target(`app${n}`)));
    expect(namesIn(text, 100, 7)).toHaveLength(7);
  });
});
