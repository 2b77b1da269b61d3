import { describe, expect, it } from 'vitest';
import type { Report } from '../../src/metrics/rpc.ts';
import { type DashboardOptions, dashboard } from '../../src/page/page.ts';

const NOW = Date.UTC(2026, 5, 1, 12, 0, 0);
const HOUR_MS = 3_600_000;
const NOTHING: Report = {
  ...{ since: NOW, counters: new Map(), histograms: new Map(), hours: [] },
  ...{ repositories: [], tags: [], clients: [], slowest: [] },
};

function render(report: Partial<Report>, more: Partial<DashboardOptions> = {}): string {
  return dashboard({
    ...{ nonce: 'once', isCounting: true, report: { ...NOTHING, ...report }, now: NOW, endsAt: NOW },
    ...{ version: '1.0.0', requestToken: 'token', aliases: [''] },
    ...more,
  });
}

/** What a stranger may call himself, a repository or a tag; some of it only if the origin takes it. */
const HOSTILE = `"'><img src=x onerror=alert(1)></script><script>alert(2)</script>&lt;\u0000\ud800`;

const figuresIn = (text: string) => text.slice(text.indexOf('<main'), text.indexOf('</main>'));

describe('the dashboard', () => {
  it('renders a report of nothing without a number that is none', () => {
    const text = figuresIn(render({}));
    expect(text).toContain('<dt>Hit ratio</dt><dd>–</dd>');
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('renders numbers of any size', () => {
    const hours = [
      {
        startsAt: NOW,
        counters: new Map([
          ['savedBytes|', 2 ** 70],
          ['savedSeconds|', 1e-9],
        ]),
      },
    ];
    expect(figuresIn(render({ hours }))).not.toMatch(/NaN|Infinity|undefined|e\+\d/);
  });

  it('has the hour that has just begun, and 47 before it', () => {
    const at = (startsAt: number, hits: number) => ({
      startsAt,
      counters: new Map([['requests||blob|head|200|hit', hits]]),
    });
    const hours = [at(NOW - 48 * HOUR_MS, 1_000), at(NOW - 47 * HOUR_MS, 20), at(NOW, 3)];
    const text = render({ hours });
    expect(text).toContain('hits: 20,');
    expect(text).toContain('hits: 3,');
    expect(text).not.toContain('hits: 1,000');
  });

  it('has names as text, whatever they are', () => {
    const slow = { upstream: HOSTILE, handler: HOSTILE, method: HOSTILE, status: 200, cache: HOSTILE, ms: 1, at: NOW };
    const counters = new Map(
      ['requests', 'forwards', 'policies', 'fills', 'breaker'].map((id) => [
        `${id}|${Array(5).fill(HOSTILE).join('|')}`,
        1,
      ]),
    );
    const text = render(
      {
        hours: [{ startsAt: NOW, counters }],
        repositories: [[` ${HOSTILE}`, 1]],
        tags: [[`${HOSTILE} ${HOSTILE}:${HOSTILE}`, 1]],
        clients: [[`subject ${HOSTILE}`, 1]],
        slowest: [{ ...slow, repository: HOSTILE, tag: HOSTILE }],
      },
      { aliases: ['', HOSTILE], version: HOSTILE, requestToken: HOSTILE },
    );
    expect(text).toContain('&lt;img src=x');
    expect(text).not.toContain('<img');
    expect(text.match(/<script/g)).toHaveLength(1);
    expect(text).not.toMatch(/="[^"]*'><img/);
  });

  it('renders long names', () => {
    const names = Array.from({ length: 100 }, (_, at): readonly [string, number] => [` ${'x'.repeat(255)}${at}`, at]);
    expect(render({ repositories: names, tags: names, clients: names })).toContain(`${'x'.repeat(255)}9</th>`);
  });
});
