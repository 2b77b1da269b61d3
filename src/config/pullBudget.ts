import type { PullSettings } from '../pulls/settings.ts';
import { type Form, parseMilliseconds, variable } from './forms.ts';

const MAX_PULLS = 1_000_000;
const [MIN_WINDOW_MS, MAX_WINDOW_MS] = [parseMilliseconds('1s'), parseMilliseconds('20d')];

/** `UPSTREAM_BUDGET`: `100/6h`, or `told`. */
export function pullBudget(): Form<PullSettings> {
  const expected = `expected pulls in a duration from 1s to 20d, such as 100/6h, or told, or none`;
  return variable('', expected, (value) => {
    if (value === '' || value === 'told') return { isExpected: value === 'told', declared: undefined };
    const [, count = '', duration = ''] = /^([1-9][0-9]{0,6})\/([^/]+)$/.exec(value) ?? [];
    const [limit, windowMs] = [Number(count), parseMilliseconds(duration)];
    const isGood = limit >= 1 && limit <= MAX_PULLS && windowMs >= MIN_WINDOW_MS && windowMs <= MAX_WINDOW_MS;
    return isGood ? { isExpected: true, declared: { limit, windowMs } } : undefined;
  });
}
