import type { Breakage } from '../mutation.ts';

/** "Delete means gone": tombstones, in general and in each store. */
export const LAW_7_TOMBSTONES: readonly Breakage[] = [
  {
    wrong: 'no tombstone hides anything',
    file: 'src/stores/tombstone.ts',
    text: 'return verifiedAt > clearedUntil || clearedUntil === 0;',
    replacement: 'return verifiedAt > clearedUntil || clearedUntil >= 0;',
    caughtBy: 'test/upstream/races.test.ts',
  },
  {
    wrong: 'a tombstone does not hide what was confirmed at its very time',
    file: 'src/stores/tombstone.ts',
    text: 'return verifiedAt > clearedUntil || clearedUntil === 0;',
    replacement: 'return verifiedAt >= clearedUntil;',
    caughtBy: 'test/cache/freshness.test.ts',
  },
  {
    wrong: 'the tombstone of a delete does not reach ahead, though clocks differ',
    file: 'src/stores/tombstone.ts',
    text: 'const aheadMs = Math.max(clearedForMs, CLOCK_SKEW_MS);',
    replacement: 'const aheadMs = Math.max(clearedForMs, 0);',
    caughtBy: 'test/stores/descriptors.test.ts',
  },
  {
    wrong: 'the tombstone of an eviction by a 404 reaches ahead',
    file: 'src/stores/tombstone.ts',
    text: 'return { until: sentAtMs, sparesLater: true, isReplaced };',
    replacement: 'return { until: sentAtMs + CLOCK_SKEW_MS, sparesLater: true, isReplaced };',
    caughtBy: 'test/stores/descriptors.test.ts',
  },
  {
    wrong: 'an eviction by a 404 removes what was confirmed later',
    file: 'src/stores/tombstone.ts',
    text: 'return { until: sentAtMs, sparesLater: true, isReplaced };',
    replacement: 'return { until: sentAtMs, sparesLater: false, isReplaced };',
    caughtBy: 'test/stores/descriptors.test.ts',
  },
  {
    wrong: 'a tombstone shrinks, in memory',
    file: 'src/stores/memory/tombstones.ts',
    text: 'if (until(key) < untilMs) tombstones.set(key, untilMs);',
    replacement: 'tombstones.set(key, untilMs);',
    caughtBy: 'test/stores/tags.test.ts',
  },
  {
    wrong: 'a tombstone shrinks, in Redis',
    file: 'src/stores/redis/scripts.ts',
    text: "if (timeIn(current) or -1) < tonumber(clearedUntil) then redis.call('HSET', key, 'cleared', clearedUntil) end",
    replacement: "redis.call('HSET', key, 'cleared', clearedUntil)",
    caughtBy: 'test/stores/descriptors.test.ts',
    title: ': redis',
  },
  {
    wrong: 'the tombstone of a tag shrinks, in Redis',
    file: 'src/stores/redis/scripts.ts',
    text: "if current < tonumber(ARGV[1]) then redis.call('HSET', key, 'cleared', ARGV[1]) end",
    replacement: "redis.call('HSET', key, 'cleared', ARGV[1])",
    caughtBy: 'test/stores/tags.test.ts',
    title: ': redis',
  },
  {
    wrong: 'a tombstone shrinks, in KV',
    file: 'src/stores/kv/descriptors.ts',
    text: 'const current = tombstoneOf(digest, shown instanceof BadRecord ? undefined : text);',
    replacement: 'const current = shown instanceof BadRecord ? 0 : Math.min(0, tombstoneOf(digest, text));',
    caughtBy: 'test/stores/descriptors.test.ts',
    title: ': kv',
  },
  {
    wrong: 'the tombstone of a link set or a tag shrinks, in objects',
    file: 'src/stores/durable/tombstones.ts',
    text: 'const until = Math.max(untilMs, this.until(scope));',
    replacement: 'const until = untilMs;',
    caughtBy: 'test/stores/tags.test.ts',
    title: ': durable',
  },
  {
    wrong: 'a tombstone shrinks when a delete begins, in objects',
    file: 'src/stores/durable/entries.ts',
    text:
      'ON CONFLICT (links, digest) DO UPDATE SET\n' +
      '           cleared = max(cleared, excluded.cleared), expires = max(expires, excluded.expires)`,',
    replacement:
      'ON CONFLICT (links, digest) DO UPDATE SET\n' +
      '           cleared = excluded.cleared, expires = max(expires, excluded.expires)`,',
    caughtBy: 'test/stores/descriptors.test.ts',
    title: ': durable',
  },
  {
    wrong: 'a late write revives what was deleted, in objects',
    file: 'src/stores/durable/entries.ts',
    text: 'WHERE cleared = 0 OR min(excluded.${column}, ?) > cleared',
    replacement: 'WHERE cleared = 0 OR min(excluded.${column}, ?) > 0 OR cleared > 0',
    caughtBy: 'test/stores/durable/object.test.ts',
  },
  {
    wrong: 'a clock that is ahead revives what was deleted, in objects',
    file: 'src/stores/durable/tombstones.ts',
    text: 'return lookedAt !== undefined && (lookedAt <= clearedUntil || lookedAt < oldestMs);',
    replacement: 'return lookedAt !== undefined && lookedAt < oldestMs && clearedUntil >= 0;',
    caughtBy: 'test/stores/durable/objectTime.test.ts',
  },
  {
    wrong: 'what was looked for before a tombstone could be swept is stored, in objects',
    file: 'src/stores/durable/tombstones.ts',
    text: 'return lookedAt !== undefined && (lookedAt <= clearedUntil || lookedAt < oldestMs);',
    replacement: 'return lookedAt !== undefined && lookedAt <= clearedUntil && oldestMs !== undefined;',
    caughtBy: 'test/stores/durable/objectTime.test.ts',
  },
  {
    wrong: 'an isolate answers what it cleared, while KV does not show that yet',
    file: 'src/stores/kv/descriptors.ts',
    text: 'writtenTombstones.set(key, farther);',
    replacement: '',
    caughtBy: 'test/stores/kv/limits.test.ts',
  },
  {
    wrong: 'a flood of clears revives what was deleted, in memory',
    file: 'src/stores/memory/tombstones.ts',
    text: 'allUntil = Math.max(allUntil, until);',
    replacement: 'allUntil = Math.min(allUntil, until);',
    caughtBy: 'test/stores/memory/descriptors.test.ts',
  },
  {
    wrong: 'an alias answers although its canonical entry was cleared',
    file: 'src/cache/descriptors.ts',
    text: 'return canonical.value && isAlive(entry.verifiedAt, canonical.clearedUntil) ? entry : undefined;',
    replacement: 'return canonical ? entry : undefined;',
    caughtBy: 'test/stores/descriptors.test.ts',
  },
];
