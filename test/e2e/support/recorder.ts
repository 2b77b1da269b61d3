import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen } from './listen.ts';

export interface Recorded {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A server that answers every request with 200 and records it. */
export interface Recorder {
  readonly url: string;
  /** The requests, in the order in which they came. */
  readonly recorded: readonly Recorded[];
}

export async function startRecorder(): Promise<Recorder> {
  const recorded: Recorded[] = [];
  const server = createServer(async (request, answer) => {
    recorded.push({ headers: request.headers, body: await text(request) });
    answer.end();
  });
  return { url: await listen(server), recorded };
}
