import { type ContextOptions, createContext, type RequestContext } from '../../src/context.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { setObjectClock } from './objectClock.ts';

/** A clock that stands still until it is advanced. The Durable Objects have the one that was created last. */
export interface Clock {
  now(): number;
  advance(ms: number): void;
}

export function createClock(at = Date.UTC(2026, 0, 1)): Clock {
  let current = at;
  const now = () => current;
  setObjectClock(now);
  return {
    now,
    advance: (ms) => {
      current += ms;
    },
  };
}

/** A context without an application. */
export interface TestContext extends RequestContext {
  /** Waits for all work that was passed to `waitUntil`. */
  settled(): Promise<void>;
}

export function contextOf(clock: Clock, request = new Request('http://edge.test/v2/')): TestContext {
  const pending: Promise<unknown>[] = [];
  const options: ContextOptions = {
    log: createLogger('error', () => {}),
    sink: () => {},
    now: clock.now,
    waitUntil: (work) => void pending.push(work),
  };
  return Object.assign(createContext(request, options), {
    async settled() {
      while (pending.length > 0) await pending.shift();
    },
  });
}
