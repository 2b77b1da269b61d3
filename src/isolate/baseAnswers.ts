import type { RequestContext } from '../context.ts';
import type { Memory } from './memory.ts';

/** The origin's answer to `GET /v2/` without a credential: yes, or how to log in. */
export interface BaseAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Remembers that answer for a short time: every client begins with this question, and waits for it. */
export interface BaseAnswers {
  /** @param path `/v2/` or `/v2`, which origins may answer differently */
  get(ctx: RequestContext, path: string): BaseAnswer | undefined;
  set(ctx: RequestContext, path: string, answer: BaseAnswer): void;
}

const LIFE_MS = 60_000;

export function createBaseAnswers(memory: Memory): BaseAnswers {
  const answers = memory.part<BaseAnswer>('base');
  return {
    get: (ctx, path) => answers.get(path, ctx.now()),
    set: (ctx, path, answer) => answers.set(path, answer, ctx.startedAt + LIFE_MS, answer.body.length),
  };
}
