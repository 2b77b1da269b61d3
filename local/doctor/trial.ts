import { setTimeout } from 'node:timers/promises';
import { childrenOf } from '../../src/oci/children.ts';
import { parseImage } from '../../src/oci/image.ts';
import { neededBlobs } from '../../src/oci/neededBlobs.ts';
import { dockerLogin } from '../warm/dockerLogin.ts';
import { messageOf } from '../warm/messageOf.ts';
import { RegistryClient } from '../warm/registryClient.ts';
import { advice, type Finding, problem } from './finding.ts';
import { explain } from './reasons.ts';

export interface Trial {
  /** Of the edge. */
  readonly url: string;
  /** By which docker's login is found; by default that of the edge. */
  readonly loginHost?: string | undefined;
  readonly image: string;
  /** A registry's name, as containerd sends it in `?ns=`. */
  readonly ns?: string | undefined;
}

/** Each question is asked until it is a hit, and so often at most. */
const ATTEMPTS = 3;
/** What is stored after a reply takes so long, at most. */
const PAUSE_MS = 400;
/** What the next answer may be a hit after. */
const WORTH_ANOTHER = /fwd=(?:miss|stale)(?!.*identity)|stored|detail=(?:fault|slow)/;
const MAX_READ_BYTES = 4 * 1024 * 1024;

/** Asks an edge for an image as clients do, twice and more, and says of each answer why it is no hit. */
export async function tryImage({ url, loginHost, image, ns }: Trial): Promise<Finding[]> {
  const { name, reference } = parseImage(image);
  const query = ns === undefined ? '' : `?ns=${encodeURIComponent(ns)}`;
  try {
    const client = new RegistryClient(url, await dockerLogin(loginHost ?? new URL(url).host));
    const top = await read(client, name, `manifests/${reference.text}${query}`);
    const [child] = childrenOf(top.content) ?? [];
    const content = child ? (await read(client, name, `manifests/${child.digest}${query}`)).content : top.content;
    // The first is the config, which is small.
    const [blob] = neededBlobs(content);
    const questions = [
      ...(reference.kind === 'tag' ? ([['HEAD', 'tag', `manifests/${reference.text}`]] as const) : []),
      ...(top.digest ? ([['HEAD', 'manifest', `manifests/${top.digest}`]] as const) : []),
      ...(blob
        ? ([
            ['HEAD', 'blob', `blobs/${blob.digest}`],
            ['GET', 'bytes', `blobs/${blob.digest}`],
          ] as const)
        : []),
    ];
    const findings: Finding[] = [];
    for (const [method, what, below] of questions) {
      findings.push(await ask(() => client.ask(method, name, below + query), what));
    }
    return findings;
  } catch (error) {
    return [problem(`${image}: ${messageOf(error)}`)];
  }
}

async function read(client: RegistryClient, name: string, below: string) {
  const response = await client.ask('GET', name, below);
  const content = new Uint8Array(await response.arrayBuffer());
  return { content, digest: response.headers.get('docker-content-digest') };
}

async function ask(send: () => Promise<Response>, what: string): Promise<Finding> {
  for (let attempt = 1; ; attempt++) {
    const response = await send();
    const { headers } = response;
    // What is read to its end is also stored.
    if (Number(headers.get('content-length')) <= MAX_READ_BYTES) await response.arrayBuffer();
    else await response.body?.cancel();
    if (response.redirected) return judgeRedirected(what, new URL(response.url).host);
    const status = headers.get('cache-status') ?? '';
    if (attempt === ATTEMPTS || status.includes('; hit') || !WORTH_ANOTHER.test(status)) return explain(what, status);
    await setTimeout(PAUSE_MS);
  }
}

/** Only the answer of the last host was seen, which is not the edge. */
function judgeRedirected(what: string, host: string): Finding {
  const says = `${what}: not a hit: clients get them from ${host}, to where the origin redirects`;
  return advice(says, 'set BLOB_STORE=r2, if they should come from the edge');
}
