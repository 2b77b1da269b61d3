import { describe, expect, it } from 'vitest';
import { describeRequest } from '../src/answered.ts';
import { contextOf, createClock } from './support/context.ts';

const LENGTH = { 'content-length': '100' };

/** Describes a request for `/v2/` that was answered so. */
function described(method: string, status: number) {
  const request = new Request('https://edge.test/v2/', { method });
  const ctx = contextOf(createClock(1_000), request);
  const body = status === 200 ? 'x'.repeat(100) : null;
  const response = new Response(body, { status, headers: LENGTH });
  const more = { route: undefined, upstream: undefined, answeredAt: 1_000, namesClient: true, kindOf: () => 'other' };
  return describeRequest({ ctx, response, ...more });
}

describe('describeRequest', () => {
  it('has the length that an answer announces', () => {
    expect(described('GET', 200).sentBytes).toBe(100);
  });

  it.each([
    ['HEAD', 200],
    ['GET', 304],
    ['DELETE', 204],
  ])('has no bytes of an answer that has no body, whatever it announces: %s, %i', (method, status) => {
    expect(described(method, status).sentBytes).toBe(0);
  });
});
