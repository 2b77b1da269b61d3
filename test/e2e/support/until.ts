import { setTimeout } from 'node:timers/promises';

const POLL_MS = 20;
const LIMIT_MS = 20_000;

/**
 * Polls until a probe returns something other than `undefined` and `false`.
 * @param what names the condition in the error
 * @throws Error the probe returned nothing else within the limit
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = LIMIT_MS,
): Promise<T> {
  const endsAt = Date.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > endsAt) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await setTimeout(POLL_MS);
  }
}
