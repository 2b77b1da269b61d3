import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Received, RecordingServer } from './hubs/recording.ts';
import { listen } from './listen.ts';

/** Object storage to which a registry redirects: it answers HEAD and GET with the files of a folder. */
export interface ObjectStorage extends RecordingServer {
  /** The requests since the start, as `METHOD path`. */
  readonly requests: readonly string[];
  /** Whether a request had a credential. */
  readonly gotCredential: boolean;
  /** Serves the files below this folder from now on. */
  serve(root: string): void;
}

/** @param host by which it is known; both are this machine, but clients take them for two hosts, as storage is one */
export async function startObjectStorage(host: '127.0.0.1' | 'localhost' = '127.0.0.1'): Promise<ObjectStorage> {
  const requests: string[] = [];
  const received: Received[] = [];
  let root = '/nowhere';
  let gotCredential = false;
  const server = createServer(async ({ method, url = '', headers }, answer) => {
    requests.push(`${method} ${url}`);
    received.push({ method: method ?? '', path: url, headers });
    gotCredential ||= headers.authorization !== undefined;
    const file = join(root, new URL(url, 'http://storage').pathname);
    const size = await stat(file).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined) return answer.writeHead(404).end();
    answer.writeHead(200, { 'content-length': size, 'content-type': 'binary/octet-stream' });
    return method === 'HEAD' ? answer.end() : createReadStream(file).pipe(answer);
  });
  const url = (await listen(server)).replace('127.0.0.1', host);
  return {
    url,
    requests,
    received,
    get gotCredential() {
      return gotCredential;
    },
    serve(folder) {
      root = folder;
    },
  };
}
