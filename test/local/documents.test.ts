/// <reference path="../../local/worker.d.ts" />
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { unstable_readConfig as readConfig } from 'wrangler';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { ACCOUNT_VARIABLES } from '../../src/config/account.ts';
import { variableNames } from '../../src/config/config.ts';
import { TOKEN_VARIABLES } from '../../src/config/tokens.ts';
import { OWN_VARIABLES, UPSTREAM_VARIABLES } from '../../src/config/upstream.ts';
import { type ErrorCode, RegistryError } from '../../src/oci/errors.ts';
import { TABLES } from '../../src/stores/durable/schema.ts';

const pageOf = (name: string) => readFileSync(name, 'utf8');
/** Returns what stands in code spans. */
const codesIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

/** Returns the item of a list that begins with these words. */
function itemOf(page: string, beginning: string): string {
  const [, item = ''] = page.split(`- ${beginning}`);
  return item.split('\n- ')[0] ?? '';
}

describe('docs/upstreams.md', () => {
  const page = pageOf('docs/upstreams.md');

  it('names every variable that is never taken from the whole edge, but for those that it sums up', () => {
    const summedUp: readonly string[] = [...ACCOUNT_VARIABLES, ...TOKEN_VARIABLES];
    const named = codesIn(itemOf(page, 'What describes one registry'));
    expect(OWN_VARIABLES.filter((name) => !summedUp.includes(name) && !named.includes(name))).toEqual([]);
  });

  it('names every variable that cannot be set for one upstream', () => {
    const ofUpstreams: readonly string[] = [...UPSTREAM_VARIABLES, 'UPSTREAMS'];
    const ofEdge = variableNames(BACKENDS).filter((name) => !ofUpstreams.includes(name));
    expect(codesIn(itemOf(page, 'What holds for the whole edge')).toSorted()).toEqual(ofEdge.toSorted());
  });
});

/** What the edge itself refuses a request with. */
const REFUSALS: readonly ErrorCode[] = [
  ...(['NAME_INVALID', 'DIGEST_INVALID', 'TAG_INVALID', 'REQUEST_INVALID', 'MANIFEST_BLOB_UNKNOWN'] as const),
  ...(['UNAUTHORIZED', 'DENIED', 'NAME_UNKNOWN', 'BLOB_UPLOAD_UNKNOWN', 'UNSUPPORTED', 'CALLER_NEEDED'] as const),
  ...([
    'MANIFEST_TOO_LARGE',
    'RANGE_INVALID',
    'UNKNOWN',
    'ORIGIN_UNREACHABLE',
    'UNAVAILABLE',
    'LOOP_DETECTED',
  ] as const),
];

it.each(REFUSALS)('docs/operations.md says when an answer is %s', (refusal) => {
  const error = new RegistryError(refusal);
  const [{ code }] = JSON.parse(error.toBody()).errors;
  const rows = pageOf('docs/operations.md').split('\n');
  expect(rows.some((row) => row.startsWith(`| ${error.status} `) && codesIn(row).includes(code))).toBe(true);
});

it.each(TABLES)('docs/storage.md says what a row of %s holds', (table) => {
  expect(pageOf('docs/storage.md')).toMatch(new RegExp(`^\\| \`${table}\` `, 'm'));
});

it('docs/deploying.md names every migration, past which nobody rolls back', () => {
  const [, sentence = ''] = /All versions so far have the migrations? ([^;]+);/.exec(pageOf('docs/deploying.md')) ?? [];
  expect(codesIn(sentence)).toEqual(
    readConfig({ config: 'wrangler.toml' }).migrations.map(({ tag }: { readonly tag: string }) => tag),
  );
});

it('CONTRIBUTING.md sends whoever adds a backend to the list of backends', () => {
  const [, file = ''] = /A line in `BACKENDS`\*\* of \[[^\]]+\]\(([^)]+)\)/.exec(pageOf('CONTRIBUTING.md')) ?? [];
  expect(pageOf(file)).toContain('export const BACKENDS');
});

it('whoever reports a bug can choose the store', () => {
  const [, options = ''] = /options: \[(.+)\]/.exec(pageOf('.github/ISSUE_TEMPLATE/bug.yml')) ?? [];
  expect(options.split(', ')).toEqual(expect.arrayContaining(BACKENDS.map(({ kind }) => kind)));
});
