import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../src/oci/errors.ts';
import { CacheFault } from '../../src/stores/faults.ts';
import { createLogger, errorName, framesOf, LOG_LEVELS } from '../../src/telemetry/log.ts';

const SECRET = 'https://storage.test/?X-Amz-Signature=secret';

describe('createLogger', () => {
  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const)('LOG_LEVEL=%s writes the levels %j', (lowest, expected) => {
    const lines: string[] = [];
    const log = createLogger(lowest, (line) => lines.push(line));
    for (const level of LOG_LEVELS) log[level]('a message');
    expect(lines.map((line) => JSON.parse(line))).toEqual(expected.map((level) => ({ level, message: 'a message' })));
  });

  it('writes one line of JSON, whatever the message and fields contain', () => {
    const lines: string[] = [];
    createLogger('info', (line) => lines.push(line)).warn('one\ntwo', { a: 'three\r\nfour', n: 1, none: undefined });
    expect(lines).toEqual(['{"level":"warn","message":"one\\ntwo","a":"three\\r\\nfour","n":1}']);
  });
});

describe('errorName', () => {
  it.each<[string, unknown]>([
    ['TypeError', new TypeError(SECRET)],
    ['CacheFault < TypeError', new CacheFault(SECRET, { cause: new TypeError(SECRET) })],
    [
      'RegistryError < CacheFault < Error',
      new RegistryError('UNAVAILABLE', { cause: new CacheFault(SECRET, { cause: new Error(SECRET) }) }),
    ],
    ['CacheFault < string', new CacheFault('stat failed', { cause: SECRET })],
    ['TimeoutError', new DOMException(SECRET, 'TimeoutError')],
    ['string', SECRET],
    ['object', { message: SECRET }],
    ['undefined', undefined],
  ])('returns %s, and no part of a message', (expected, error) => {
    expect(errorName(error)).toBe(expected);
  });
});

describe('framesOf', () => {
  it('returns where an error was thrown, and no line of its message', () => {
    const frames = framesOf(new Error(`${SECRET}\nand ${SECRET}`));
    expect(frames.length).toBeGreaterThan(0);
    expect(frames.join('\n')).toContain('log.test.ts');
    expect(frames.join('\n')).not.toContain('secret');
  });
});
