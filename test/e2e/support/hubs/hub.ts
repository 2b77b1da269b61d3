import type { ServerResponse } from 'node:http';
import type { Content } from '../contents.ts';
import { type Received, type RecordingServer, refuse, startRecordingServer } from './recording.ts';
import { type HubStorage, startHubStorage } from './storage.ts';
import { createTokenIssuer, type IssuerOptions, type TokenIssuer } from './tokens.ts';

/** A stand-in for a public registry, made from what is published about it. */
export interface Hub {
  readonly registry: RecordingServer;
  /** The token server: another host than the registry, or the registry itself. */
  readonly tokenServer: RecordingServer;
  readonly storage: HubStorage;
  readonly tokens: TokenIssuer;
  /** Variables of an edge that mirrors it, besides `ORIGIN_URL`. */
  readonly variables: Readonly<Record<string, string>>;
  /** The GETs of manifests, which count as pulls. */
  pulls(): number;
}

export interface HubOptions extends IssuerOptions {
  /** What it holds under the tag `latest`, by repository. */
  readonly contents: Readonly<Record<string, Content>>;
  /** The path of the realm on the registry's own host; by default it is on a host of its own. */
  readonly realmPath?: string;
  /** The realm that it names, in place of its own token server. */
  readonly realm?: string;
  /** Whether a repository can be pulled without a token. */
  readonly isOpen?: (name: string) => boolean;
  /** How many pulls it allows in six hours; by default any number. */
  readonly maxPulls?: number;
  /** How many requests of any kind it allows in a minute; by default any number. */
  readonly maxRequests?: number;
  /** How long it takes for the answer about a manifest, in ms. */
  readonly delayMs?: number;
}

const SERVICE = 'registry.docker.io';

export async function startHub(options: HubOptions): Promise<Hub> {
  const { contents, realmPath, realm, isOpen = () => false, delayMs = 0 } = options;
  const { maxPulls = Number.POSITIVE_INFINITY, maxRequests = Number.POSITIVE_INFINITY } = options;
  const tokens = createTokenIssuer(options);
  const storage = await startHubStorage(Object.values(contents).flatMap(({ blobs }) => blobs));
  const ownTokenServer = realmPath ? undefined : await startRecordingServer(tokens.answer, 'localhost');
  let pulls = 0;
  const sentAt: number[] = [];

  function challenge(request: Received, response: ServerResponse, name?: string): ServerResponse {
    const own = ownTokenServer ? `${ownTokenServer.url}/token` : `http://${request.headers.host}${realmPath}`;
    const scope = name ? `,scope="repository:${name}:pull"` : '';
    const error = name && request.headers.authorization ? ',error="insufficient_scope"' : '';
    const header = `Bearer realm="${realm ?? own}",service="${SERVICE}"${scope}${error}`;
    return refuse(response, 401, 'UNAUTHORIZED', { 'www-authenticate': header });
  }

  function answerManifest(
    { method }: Received,
    response: ServerResponse,
    content: Content | undefined,
  ): ServerResponse {
    if (method === 'GET') pulls += 1;
    const left = maxPulls - pulls;
    const limits = Number.isFinite(maxPulls) ? limitsOf(maxPulls, Math.max(0, left)) : {};
    if (left < 0) return refuse(response, 429, 'TOOMANYREQUESTS', limits);
    if (!content) return refuse(response, 404, 'MANIFEST_UNKNOWN');
    const { digest, bytes } = content.manifest;
    const about = {
      'content-type': content.mediaType,
      'content-length': bytes.length,
      'docker-content-digest': digest,
    };
    const answer = () => response.writeHead(200, { ...about, ...limits }).end(method === 'HEAD' ? undefined : bytes);
    if (delayMs > 0) setTimeout(answer, delayMs);
    else answer();
    return response;
  }

  function answerBlob(response: ServerResponse, content: Content, digest: string): ServerResponse {
    if (!content.blobs.some((blob) => blob.digest === digest)) return refuse(response, 404, 'BLOB_UNKNOWN');
    return response.writeHead(307, { location: storage.addressOf(digest) }).end();
  }

  const registry = await startRecordingServer((request, response) => {
    const { pathname } = new URL(request.path, 'http://registry');
    // The limit against abuse comes before everything, and tells no other limit.
    if (isOverLimit(sentAt, maxRequests)) return refuse(response, 429, 'TOOMANYREQUESTS', { 'retry-after': '60' });
    if (pathname === realmPath) return tokens.answer(request, response);
    const [, name = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(pathname) ?? [];
    if (!name) return challenge(request, response);
    const content = contents[name];
    if (!isOpen(name) && !(content && tokens.grants(request.headers.authorization, name)))
      return challenge(request, response, name);
    if (!content) return refuse(response, 404, 'NAME_UNKNOWN');
    if (kind === 'blobs') return answerBlob(response, content, decodeURIComponent(reference));
    if (kind === 'tags') {
      const link = `</v2/${name}/tags/list?last=latest&n=1>; rel="next"`;
      return response.writeHead(200, { 'content-type': 'application/json', link }).end('{"tags":["latest"]}');
    }
    const isKnown = reference === 'latest' || reference === content.manifest.digest;
    return answerManifest(request, response, isKnown ? content : undefined);
  });

  const tokenServer = ownTokenServer ?? registry;
  return {
    ...{ registry, tokenServer, storage, tokens },
    variables: { CLIENT_AUTH: 'anonymous', TOKEN_REALMS_ALLOWED: new URL(tokenServer.url).host },
    pulls: () => pulls,
  };
}

function limitsOf(limit: number, remaining: number): Record<string, string> {
  return { 'ratelimit-limit': `${limit};w=21600`, 'ratelimit-remaining': `${remaining};w=21600` };
}

/** Notes a request. @returns whether there were more in the last minute than are allowed */
function isOverLimit(sentAt: number[], maxRequests: number): boolean {
  const now = Date.now();
  while (sentAt[0] !== undefined && sentAt[0] <= now - 60_000) sentAt.shift();
  sentAt.push(now);
  return sentAt.length > maxRequests;
}
