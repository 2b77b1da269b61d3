import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '../e2e/support/cleanup.ts';
import { head } from '../e2e/support/http.ts';
import { freePort } from '../e2e/support/port.ts';
import { run } from '../e2e/support/process.ts';
import { until } from '../e2e/support/until.ts';
import { findTool } from './tools.ts';

/**
 * Starts nginx with `proxy_cache` in front of a registry. It caches a HEAD as a HEAD, since it would otherwise fetch
 * the whole blob, and says in `X-Cache` whether the answer is a hit.
 * @returns its URL
 */
export async function startNginx(origin: string): Promise<string> {
  const folder = await temporaryFolder();
  const host = `127.0.0.1:${await freePort()}`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  );
  // When root starts nginx, its workers run as another user by default, who cannot read the folder.
  const config = `
user ${userInfo().username};
daemon off;
worker_processes auto;
pid ${join(folder, 'pid')};
error_log stderr error;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  keepalive_requests 100000000;
  proxy_cache_path ${join(folder, 'cache')} keys_zone=blobs:10m;
  server {
    listen ${host};
    location / {
      proxy_pass ${origin};
      proxy_cache blobs;
      proxy_cache_convert_head off;
      proxy_cache_key $request_method$request_uri;
      proxy_cache_valid 200 1h;
      add_header X-Cache $upstream_cache_status;
    }
  }
}
`;
  await writeFile(join(folder, 'nginx.conf'), config);
  run(findTool('nginx') ?? 'nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr']);
  const url = `http://${host}`;
  await until('nginx answers', () =>
    head(url).then(
      () => true,
      () => false,
    ),
  );
  return url;
}
