import { expect, it } from 'vitest';
import { createSummary } from '../../local/summary.ts';

const line = (cache?: string, path = '/v2/a/blobs/b', message = 'request') => JSON.stringify({ message, path, cache });

it('sums up requests, hits and the round trips that were saved', () => {
  const summary = createSummary();
  for (const cache of ['registry-edge; hit; detail=memory', 'registry-edge; hit; ttl=-3', 'registry-edge; fwd=miss'])
    summary.note(line(cache));
  summary.note(line('registry-edge; fwd=miss; collapsed'));
  summary.note(line());
  expect(summary.text()).toBe('5 requests, 2 of them hits (40 %): 3 round trips to the origin saved');
});

it('says nothing where no registry was asked', () => {
  const summary = createSummary();
  for (const text of ['', 'null', '[]', 'text', line(undefined, '/_edge/budget'), line('x', '/v2/', 'event')])
    summary.note(text);
  expect(summary.text()).toBeUndefined();
});
