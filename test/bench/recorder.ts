import { serveLocally } from '../../local/serve.ts';
import { atEnd } from '../e2e/support/cleanup.ts';

/** A request to the store. */
export interface Recorded {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The headers that each client adds for its own connection. */
const CONNECTION_HEADERS = ['connection', 'content-length', 'host', 'transfer-encoding'];

/** Starts a proxy in front of a store's REST API that records the last request. */
export async function startRecorder(target: string): Promise<{ url: string; last(): Recorded }> {
  let recorded: Recorded | undefined;
  const served = await serveLocally(async (request) => {
    const sent = [...request.headers].filter(([name]) => !CONNECTION_HEADERS.includes(name));
    recorded = { path: new URL(request.url).pathname, headers: Object.fromEntries(sent), body: await request.text() };
    const { path, headers, body } = recorded;
    return fetch(target + path, { method: request.method, headers, body });
  });
  atEnd(served.close);
  return {
    url: served.url,
    last() {
      if (!recorded) throw new Error('the store received no request');
      return recorded;
    },
  };
}
