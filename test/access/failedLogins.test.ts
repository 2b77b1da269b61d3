import { describe, expect, it } from 'vitest';
import { createFailedLogins } from '../../src/access/failedLogins.ts';

const MAX_FAILURES = 10;
const NOW = Date.UTC(2026, 0, 1);

/** Returns the counter after so many failures of one name at an address that it is refused there. */
function refusedAt(address: string) {
  const logins = createFailedLogins();
  for (let n = 0; n < MAX_FAILURES; n++) logins.begin(address, 'ci', NOW);
  expect(logins.begin(address, 'ci', NOW)).toBeUndefined();
  return logins;
}

describe('createFailedLogins', () => {
  it.each([
    ['2001:db8::', '2001:db8:0:0:1:2:3:4'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4::'],
    ['::1', '0:0:0:0:0:0:0:2'],
  ])('counts %s and %s, of one IPv6 network, together', (one, other) => {
    expect(refusedAt(one).begin(other, 'ci', NOW)).toBeUndefined();
  });

  it.each([
    ['192.0.2.1', '192.0.2.2'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2'],
    ['2001:db8:0:1::1', '200:1db8:0:1::1'],
  ])('counts %s and %s, of two clients, apart', (one, other) => {
    expect(refusedAt(one).begin(other, 'ci', NOW)).toBeDefined();
  });

  it('forgets the failures a minute after the first of them', () => {
    const logins = refusedAt('192.0.2.1');
    expect(logins.begin('192.0.2.1', 'ci', NOW + 59_999)).toBeUndefined();
    expect(logins.begin('192.0.2.1', 'ci', NOW + 60_000)).toBeDefined();
  });
});
