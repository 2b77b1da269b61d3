import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { METRICS } from '../../src/metrics/metrics.ts';

/** The rows of the table of metrics, without what aligns them. */
const rows = readFileSync('docs/metrics.md', 'utf8')
  .split('\n')
  .filter((line) => /^\| `registry_\w+` +\| (?:counter|histogram|gauge) /.test(line))
  .map((line) => line.replaceAll(/ +/g, ' '));

it('docs/metrics.md has every metric, as it is declared', () => {
  const declared = Object.values(METRICS).map(({ name, type, help, labels }) => {
    const cells = [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help];
    return `| ${cells.join(' | ')} |`.replaceAll(/ +/g, ' ');
  });
  expect(rows.filter((row) => !row.includes('| gauge |'))).toEqual(declared);
});
