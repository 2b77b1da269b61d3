import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { parseConfig } from '../../src/config/config.ts';
import { problemIn } from '../support/problem.ts';

const BASE = { ORIGIN_URL: 'https://registry.example.com', CLIENT_AUTH: 'anonymous', REPOSITORIES: {} };
const parse = (variables: Record<string, unknown>) => parseConfig({ ...BASE, ...variables }, BACKENDS);
const budgetOf = (variables: Record<string, unknown>) => parse(variables).upstreams[0].pullBudget;
const warningsOf = (variables: Record<string, unknown>) => parse(variables).warnings;

describe('UPSTREAM_BUDGET', () => {
  it.each<[string | undefined, boolean, { limit: number; windowMs: number } | undefined]>([
    [undefined, false, undefined],
    ['', false, undefined],
    ['told', true, undefined],
    ['100/6h', true, { limit: 100, windowMs: 21_600_000 }],
    [' 1/1s ', true, { limit: 1, windowMs: 1_000 }],
    ['1000000/20d', true, { limit: 1_000_000, windowMs: 20 * 86_400_000 }],
  ])('may be %j', (value, isExpected, declared) => {
    expect(budgetOf({ UPSTREAM_BUDGET: value })).toEqual({ isExpected, declared });
  });

  it.each(['100', '6h', '0/6h', '-1/6h', '1.5/6h', '1000001/6h', '100/0', '100/999ms', '100/21d', '100/6h/1d', 'many'])(
    'may not be %j',
    (value) => {
      expect(problemIn(() => parse({ UPSTREAM_BUDGET: value }))).toContain('UPSTREAM_BUDGET: expected pulls in a dura');
    },
  );

  it('is told by Docker Hub, unless it is declared; no other preset expects one', () => {
    const preset = (PRESET: string, more = {}) => budgetOf({ ORIGIN_URL: undefined, PRESET, ...more });
    expect(preset('docker-hub')).toEqual({ isExpected: true, declared: undefined });
    expect(preset('docker-hub', { UPSTREAM_BUDGET: '200/6h' }).declared?.limit).toBe(200);
    expect(preset('quay').isExpected).toBe(false);
  });

  it('is of one registry: no upstream has it from the whole edge', () => {
    const hub = { PRESET: 'docker-hub', HOSTS: 'hub.test', UPSTREAM_BUDGET: '50/1h' };
    const UPSTREAMS = { hub, quay: { PRESET: 'quay', HOSTS: 'quay.test' } };
    const budgets = parse({ UPSTREAM_BUDGET: '10/1h', UPSTREAMS }).upstreams.map(
      ({ pullBudget }) => pullBudget.declared,
    );
    expect(budgets.map((declared) => declared?.limit)).toEqual([10, 50, undefined]);
  });

  it('is warned of where the origin counts the pulls of each caller', () => {
    expect(warningsOf({ CLIENT_AUTH: 'origin', UPSTREAM_BUDGET: '100/6h' })).toEqual([
      expect.stringContaining('UPSTREAM_BUDGET has no effect where the origin counts the pulls of each caller'),
    ]);
  });

  it('is warned of where each isolate counts alone; a preset gives no reason to warn', () => {
    const alone = { BLOBDESCRIPTOR: 'inmemory', REPOSITORIES: undefined };
    const sentence = 'UPSTREAM_BUDGET is counted by each isolate alone';
    expect(warningsOf({ ...alone, UPSTREAM_BUDGET: '100/6h' })).toEqual([expect.stringContaining(sentence)]);
    const hub = { PRESET: 'docker-hub', UPSTREAM_BUDGET: '50/1h' };
    expect(warningsOf({ ...alone, UPSTREAMS: { hub } })).toEqual([
      expect.stringContaining(`UPSTREAMS.hub.${sentence}`),
    ]);
    expect(warningsOf({ ...alone, ORIGIN_URL: undefined, PRESET: 'docker-hub' })).toEqual([]);
    expect(warningsOf({ BLOBDESCRIPTOR: 'inmemory', UPSTREAM_BUDGET: '100/6h' })).toEqual([]);
  });
});
