import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from '../../local/doctor/configuration.ts';
import { nearest } from '../../local/doctor/nearest.ts';
import { explain, REASONS } from '../../local/doctor/reasons.ts';
import { describeFailure } from '../../local/doctor/unreachable.ts';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { variableNames } from '../../src/config/config.ts';

const PAGE = readFileSync('docs/why-not-a-hit.md', 'utf8');
/** The values of `Cache-Status` in the first column of the table. */
const TOLD = [...PAGE.matchAll(/^\| (`.+?) +\|/gm)].flatMap(([, cell = '']) =>
  [...cell.matchAll(/`((?:hit|fwd|detail)[^`]*)`/g)].map(([, told = '']) => told),
);

describe('npm run doctor', () => {
  it('reads the page that says why an answer was no hit', () => {
    expect(TOLD.length).toBeGreaterThan(12);
    expect(TOLD).toContain('detail=unproven');
  });

  it.each(TOLD.filter((told) => told !== 'fwd=bypass'))('explains `%s` as the page does', (told) => {
    const status = `registry-edge; ${told.startsWith('detail') ? 'fwd=miss; ' : ''}${told}`;
    const { says, change } = explain('blob', status);
    expect(says).not.toMatch(/not a hit \(/);
    // Each detail has a reason of its own, and is not taken for a plain miss.
    if (told.startsWith('detail')) expect(says).not.toContain('although it was asked for just now');
    expect([says, change].join(' ')).not.toContain('undefined');
  });

  it.each(['tag', 'bytes'])('explains the bypass of %s', (what) => {
    expect(explain(what, 'registry-edge; fwd=bypass')).toMatchObject({ level: 'advice' });
  });

  it('takes what an archive keeps for no failure of the origin', () => {
    expect(explain('blob', 'registry-edge; fwd=stale; detail=origin-404').level).toBe('ok');
    expect(explain('blob', 'registry-edge; fwd=stale; detail=origin-503').level).toBe('problem');
  });

  it('says so where an answer is not of the edge', () => {
    for (const status of ['', 'other; hit']) expect(explain('blob', status).level).toBe('problem');
  });

  it('names no variable that does not exist', () => {
    const known = variableNames(BACKENDS);
    const named = REASONS.flatMap(({ says, change = '' }) => `${says} ${change}`.match(/[A-Z]+_[A-Z_]+/g) ?? []);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('asks for a secret that it does not have, and not for one that is bad', () => {
    const env = { ORIGIN_URL: 'https://registry.example.com', ADMIN_TOKEN: 'short', BLOBDESCRIPTOR: 'redis' };
    const { findings } = readConfiguration({ ...env, UPSTASH_REDIS_REST_URL: 'https://redis.example.com' });
    const [missing, bad] = ['UPSTASH_REDIS_REST_TOKEN', 'ADMIN_TOKEN'].map((name) =>
      findings.find(({ says }) => says.startsWith(`${name}: expected a token`)),
    );
    expect([missing?.change, bad]).toEqual([expect.stringContaining('give it to the doctor'), expect.anything()]);
    expect(bad?.change).toBeUndefined();
  });

  it('finds the variable that a misspelt one means', () => {
    const known = variableNames(BACKENDS);
    expect(nearest('ORGIN_URL', known)).toBe('ORIGIN_URL');
    expect(nearest('tag_ttl', known)).toBe('TAG_TTL');
    expect(nearest('SOMETHING_ELSE', known)).toBe(undefined);
  });

  it('says of an error what is at its root, and not its message', () => {
    const root = Object.assign(new Error('https://user:hunter2@registry.example.com'), { code: 'ENOTFOUND' });
    const error = new Error('unreachable', { cause: new TypeError('fetch failed', { cause: root }) });
    const found = describeFailure(error, 'ORIGIN_URL: registry.example.com');
    expect(found.says).toBe('ORIGIN_URL: registry.example.com has no address in the DNS');
    expect(JSON.stringify(found)).not.toContain('hunter2');
    const several = new Error('unreachable', { cause: new AggregateError([root]) });
    expect(describeFailure(several, 'it').says).toBe('it has no address in the DNS');
  });
});
