import { describe, expect, it } from 'vitest';
import { createTelemetry } from '../../src/assembleTelemetry.ts';
import { createLogger } from '../../src/telemetry/log.ts';

/** Begins requests. @returns how many of them have their decisions in the log, and which upstream these lines name */
function begin(share: number, requests: number) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const telemetry = createTelemetry({
    log: createLogger('info', write),
    debug: { log: createLogger('debug', write), share },
    now: Date.now,
  });
  for (let n = 0; n < requests; n++) telemetry.voiceOf('hub').sink({ kind: 'hit' }, () => {});
  return lines.map((line) => JSON.parse(line));
}

describe('DEBUG_SAMPLE', () => {
  it.each([
    [0, 0, 0],
    [1, 1_000, 1_000],
    [0.1, 40, 200],
  ])('with %d, the decisions of that share of requests are logged', (share, least, most) => {
    const lines = begin(share, 1_000);
    expect(lines.length).toBeGreaterThanOrEqual(least);
    expect(lines.length).toBeLessThanOrEqual(most);
    for (const line of lines) expect(line).toEqual({ level: 'debug', message: 'event', upstream: 'hub', kind: 'hit' });
  });
});
