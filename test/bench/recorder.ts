import { serveLocally } from '../../local/serve.ts';
import { atEnd } from '../e2e/support/cleanup.ts';

/** A request to the store as it was sent. */
export interface Recorded {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What every client adds by itself for its own connection. */
const OF_THE_CONNECTION = ['connection', 'content-length', 'host', 'transfer-encoding'];

/** Stands before a store's REST API and keeps the last request to it. */
export async function startRecorder(target: string): Promise<{ url: string; last(): Recorded }> {
  let recorded: Recorded | undefined;
  const served = await serveLocally(async (request) => {
    const sent = [...request.headers].filter(([name]) => !OF_THE_CONNECTION.includes(name));
    recorded = { path: new URL(request.url).pathname, headers: Object.fromEntries(sent), body: await request.text() };
    const { path, headers, body } = recorded;
    return fetch(target + path, { method: request.method, headers, body });
  });
  atEnd(served.close);
  return {
    url: served.url,
    last() {
      if (!recorded) throw new Error('the store was asked nothing');
      return recorded;
    },
  };
}
