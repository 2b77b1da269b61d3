import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { listen } from './listen.ts';

/** Object storage to which a registry redirects: it answers HEAD and GET with the files of a folder. */
export interface ObjectStorage {
  readonly url: string;
  /** The requests since the start, as `METHOD path`. */
  readonly requests: readonly string[];
  /** Whether a request had a credential. */
  readonly gotCredential: boolean;
  /** Serves the files below this folder from now on. */
  serve(root: string): void;
}

export async function startObjectStorage(): Promise<ObjectStorage> {
  const requests: string[] = [];
  let root = '/nowhere';
  let gotCredential = false;
  const server = createServer(async ({ method, url = '', headers }, answer) => {
    requests.push(`${method} ${url}`);
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
  const url = await listen(server);
  return {
    url,
    requests,
    get gotCredential() {
      return gotCredential;
    },
    serve(folder) {
      root = folder;
    },
  };
}
