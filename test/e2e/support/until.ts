import { setTimeout } from 'node:timers/promises';

const POLL_MS = 20;
const LIMIT_MS = 20_000;

/**
 * Polls until a probe gives something.
 * @param what told in the error when it does not come in time
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = LIMIT_MS,
): Promise<T> {
  const endsAt = Date.now() + limitMs;
  for (;;) {
    const given = await probe();
    if (given !== undefined && given !== false) return given;
    if (Date.now() > endsAt) throw new Error(`after ${limitMs} ms still not: ${what}`);
    await setTimeout(POLL_MS);
  }
}
