import { childrenOf } from '../../src/oci/children.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { RegistryError } from '../../src/oci/errors.ts';
import { parseImage } from '../../src/oci/image.ts';
import { ALL_MANIFESTS } from '../../src/oci/mediaTypes.ts';
import { createNames } from '../../src/oci/names.ts';
import { neededBlobs } from '../../src/oci/neededBlobs.ts';
import { splitUrl } from '../../src/oci/route.ts';
import type { Asking } from './asking.ts';
import { checkBlob } from './blob.ts';
import { checkDeletes } from './deletes.ts';
import { advice, type Finding, ok, problem } from './finding.ts';
import { logIn, type Subject } from './subject.ts';
import { describeFailure } from './unreachable.ts';

/** Asks the origin for an image as the edge does for its callers. @param deletes whether to try a DELETE as well */
export async function checkImage(asking: Asking, image: string, deletes: boolean): Promise<Finding[]> {
  const { upstream } = asking;
  const { name: asked, reference } = parseImage(image);
  const name = createNames({ namespace: upstream.defaultNamespace })?.fullName(asked) ?? asked;
  const base = `/v2/${name}/`;
  try {
    const authorization = await logIn(asking, `${base}manifests/${reference.text}`, `repository:${name}:pull`);
    const subject = { asking, base, name, authorization };
    const { findings, blob, digest } = await checkManifest(subject, reference);
    return [
      ...findings,
      ...(blob ? await checkBlob(subject, blob) : []),
      ...(digest ? await checkReferrers(subject, digest) : []),
      ...(deletes ? await checkDeletes(subject) : []),
    ];
  } catch (error) {
    if (!(error instanceof RegistryError)) return [problem(`${image}: ${(error as Error).message}`)];
    if (error.cause) return [describeFailure(error, `ORIGIN_URL: ${upstream.originUrl.host}`)];
    return [problem(`${image}: ${error.message}`)];
  }
}

interface Manifest {
  readonly findings: readonly Finding[];
  /** A blob of the image, if it has one. */
  readonly blob?: Digest;
  readonly digest?: Digest;
}

async function checkManifest(
  subject: Subject,
  reference: ReturnType<typeof parseImage>['reference'],
): Promise<Manifest> {
  const { asking, base, authorization } = subject;
  const target = `${base}manifests/${reference.text}`;
  const head = await asking.origin.statManifest(asking.context(authorization), target, {
    reference,
    accept: ALL_MANIFESTS,
  });
  await head.response.body?.cancel();
  const refusal = judgeStatus(subject, head.response.status);
  if (refusal) return { findings: [refusal] };
  const byHead = head.found
    ? ok('the HEAD of a manifest says its digest and size, so it can be answered from the cache')
    : advice(
        'the HEAD of a manifest does not say digest and size: each is asked of the origin',
        'nothing at the edge helps: ask who runs the registry',
      );
  const { found } = await asking.origin.getManifest(asking.context(authorization), target, reference);
  if (!found) {
    return { findings: [byHead, problem('the GET of the manifest brings no manifest that matches its digest')] };
  }
  const { descriptor, content } = found.entry;
  const [child] = childrenOf(content) ?? [];
  const blobs = child ? await blobsOfChild(subject, child.digest) : neededBlobs(content);
  const [blob] = blobs.map(({ digest }) => digest);
  return { findings: [byHead], digest: descriptor.digest, ...(blob && { blob }) };
}

async function blobsOfChild({ asking, base, authorization }: Subject, digest: Digest) {
  const reference = { kind: 'digest', text: digest } as const;
  const { found } = await asking.origin.getManifest(
    asking.context(authorization),
    `${base}manifests/${digest}`,
    reference,
  );
  return found ? neededBlobs(found.entry.content) : [];
}

function judgeStatus(subject: Subject, status: number): Finding | undefined {
  if (status < 400) return undefined;
  const { name, asking } = subject;
  const { host } = asking.upstream.originUrl;
  if (status === 404) {
    return problem(`${name} is not at the origin, or not for this caller (404)`, 'name an image that is there');
  }
  if (status === 429) return problem(`${host} has had too many requests (429)`, 'wait, or set ORIGIN_ACCOUNT');
  const { as, change } = askedAs(subject);
  return problem(`the origin refuses ${name} to ${as} (${status})`, change);
}

/** Returns who was refused, and what would help. */
function askedAs({ asking: { upstream }, authorization }: Subject): { readonly as: string; readonly change: string } {
  const { account, clientAuth, originUrl } = upstream;
  if (account) return { as: 'the account of the edge', change: 'give it the right to pull there' };
  if (clientAuth !== 'origin') {
    return { as: 'everybody', change: 'set ORIGIN_ACCOUNT, or name an image that is public' };
  }
  if (authorization) return { as: 'your login', change: 'log in as somebody who may pull it' };
  return { as: 'nobody', change: `docker login ${originUrl.host}` };
}

/** How registries answer that do not know of the referrers API. */
const LACKS_REFERRERS = new Set([400, 404, 405, 501]);

/** Asks for the list of what refers to the image (OCI distribution-spec, "Listing Referrers"). */
export async function checkReferrers({ asking, base, authorization }: Subject, digest: Digest): Promise<Finding[]> {
  const target = splitUrl(`http://origin${base}referrers/${digest}`).path;
  const { response } = await asking.origin.send(asking.context(authorization), target, {
    method: 'GET',
    as: 'question',
  });
  await response.body?.cancel();
  if (response.ok) return [ok('the origin has the referrers API: signatures are found with one request')];
  if (!LACKS_REFERRERS.has(response.status)) {
    return [
      ok(`the origin answers a question for referrers with ${response.status}: whether it has them is not known`),
    ];
  }
  return [ok(`the origin has no referrers API (${response.status}): clients look for signatures under a tag`)];
}
