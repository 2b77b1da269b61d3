import { describe, expect, it } from 'vitest';
import { readableLine } from '../../local/readable.ts';

describe('readableLine', () => {
  it.each([
    [
      {
        level: 'info',
        message: 'request',
        method: 'HEAD',
        path: '/v2/',
        status: 200,
        ms: 3,
        cache: 'registry-edge; hit',
      },
      '200 HEAD   /v2/ 3 ms registry-edge; hit',
    ],
    [{ level: 'info', message: 'request', method: 'GET', path: '/v2/', status: 401, ms: 3 }, '401 GET    /v2/ 3 ms'],
    [
      { level: 'info', message: 'request', upstream: 'hub', method: 'GET', path: '/v2/', status: 200, ms: 3 },
      '200 GET    hub:/v2/ 3 ms',
    ],
    [{ level: 'warn', message: 'cache fault', error: 'CacheFault' }, 'warn  cache fault {"error":"CacheFault"}'],
    [{ level: 'warn', message: 'cache fault' }, 'warn  cache fault'],
  ])('formats %j', (line, expected) => {
    expect(readableLine(JSON.stringify(line))).toBe(expected);
  });

  it.each(['plain text', '[]', '{}', 'null', '{"level":1}'])(
    'returns a line that is not of the Worker as it is: %s',
    (line) => {
      expect(readableLine(line)).toBe(line);
    },
  );
});
