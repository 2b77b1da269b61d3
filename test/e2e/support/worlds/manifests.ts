import { DOCKER, OCI } from '../contents.ts';
import type { PooledManifest } from './pool.ts';
import type { Making, Operation } from './reads.ts';
import type { Draft } from './step.ts';
import { uploadOf } from './uploads.ts';

/** Pushes of manifests, whole or broken, and deletes. */

/** Names all types, so that the cache may answer. */
const ACCEPT = [OCI.manifest, OCI.index, DOCKER.manifest, DOCKER.index].join(', ');

/** Pushes an image or an index as a client does: what it needs first, unless it may be there. */
export const pushWhole: Operation = (making) => {
  const { dice, pool } = making;
  return wholeOf(making, dice.pick(pool.names), dice.pick(pool.manifests), dice.pick([...pool.tags, undefined]));
};

function wholeOf(making: Making, name: string, content: PooledManifest, tag?: string): readonly Draft[] {
  const { dice, model } = making;
  const children = content.children
    .filter(({ manifest }) => !model.has(name, manifest.digest))
    .flatMap((child) => wholeOf(making, name, child));
  const blobs = content.blobs.flatMap((blob) => {
    const asked = head(name, blob.digest);
    return model.has(name, blob.digest) ? [asked] : [asked, ...uploadOf(making, name, blob)];
  });
  model.add(name, content.manifest.digest);
  if (tag) model.add(name, tag);
  const question = dice.chance(0.5) ? [headManifest(name, tag ?? content.manifest.digest)] : [];
  return [...children, ...blobs, ...question, put(name, tag ?? content.manifest.digest, content)];
}

/** Pushes a manifest alone, whose blobs may be absent. */
export const pushAlone: Operation = ({ dice, pool, model }) => {
  const content = dice.pick(pool.manifests);
  const name = dice.pick(pool.names);
  const { digest } = content.manifest;
  const tag = dice.pick(pool.tags);
  const reference = dice.pick([digest, tag, `${digest}?tag=${tag}`, `${tag}?tag=other`]);
  const isComplete = [...content.blobs, ...content.children.map(({ manifest }) => manifest)].every((each) =>
    model.has(name, each.digest),
  );
  if (isComplete) for (const what of [digest, ...(reference === digest ? [] : [tag])]) model.add(name, what);
  return [put(name, reference, content)];
};

/** Pushes what no registry should take. */
export const pushBroken: Operation = ({ dice, pool }) => {
  const content = dice.pick(pool.manifests);
  const other = dice.pick(pool.manifests);
  const name = dice.pick(pool.names);
  const whole = put(name, content.manifest.digest, content);
  const text = content.manifest.bytes.toString();
  const withBody = (body: string) => ({
    ...put(name, dice.pick(pool.tags), content),
    ...sent(content.mediaType, body),
  });
  return [
    dice.pick<Draft>([
      put(name, other.manifest.digest, content),
      put(name, dice.pick(pool.tags), { ...content, mediaType: other.mediaType }),
      put(name, dice.pick(pool.tags), { ...content, mediaType: 'text/plain' }),
      { ...whole, headers: { 'content-length': String(content.manifest.bytes.length) } },
      withBody(''),
      withBody('{}'),
      withBody('not JSON'),
      withBody('{"schemaVersion":2,"layers":[{"digest":"sha256:short"}]}'),
      withBody(text.slice(0, -5)),
      withBody(`${text}\n`),
      withBody(text.replace(/"size":\d+/, '"size":7')),
      withBody(text.replace(/sha256:./, 'sha256:0')),
      withBody(text.replace('"schemaVersion":2', '"schemaVersion":1')),
      { ...whole, ...sent(OCI.manifest, JSON.stringify({ schemaVersion: 2, mediaType: OCI.manifest })) },
    ]),
  ];
};

export const deleteBlob: Operation = (making) => {
  const { name, blob } = making.model.someBlob();
  making.model.remove(name, blob.digest);
  return deletion(making, head(name, blob.digest));
};

export const deleteManifest: Operation = (making) => {
  const { name, content } = making.model.someManifest();
  making.model.remove(name, content.manifest.digest);
  return deletion(making, headManifest(name, content.manifest.digest));
};

export const deleteTag: Operation = (making) => {
  const { name, tag } = making.model.someTag();
  making.model.remove(name, tag);
  return deletion(making, headManifest(name, tag));
};

/** Deletes what a request asks for, which is asked before and after, now and then. */
function deletion({ dice }: Making, question: Draft): readonly Draft[] {
  const [before, after] = [dice.chance(0.4), dice.chance(0.5)];
  const { route, target } = question;
  return [...(before ? [question] : []), { route, method: 'DELETE', target }, ...(after ? [question] : [])];
}

function put(name: string, reference: string, { manifest, mediaType }: PooledManifest): Draft {
  const target = `/v2/${name}/manifests/${reference}`;
  const route = reference.includes(':') ? 'manifest' : 'tag';
  const headers = { 'content-type': mediaType, 'content-length': String(manifest.bytes.length) };
  return { route, method: 'PUT', target, headers, body: manifest.bytes };
}

function sent(mediaType: string, text: string): Pick<Draft, 'headers' | 'body'> {
  const body = Buffer.from(text);
  return { headers: { 'content-type': mediaType, 'content-length': String(body.length) }, body };
}

function head(name: string, digest: string): Draft {
  return { route: 'blob', method: 'HEAD', target: `/v2/${name}/blobs/${digest}` };
}

function headManifest(name: string, reference: string): Draft {
  const route = reference.includes(':') ? 'manifest' : 'tag';
  return { route, method: 'HEAD', target: `/v2/${name}/manifests/${reference}`, headers: { accept: ACCEPT } };
}
