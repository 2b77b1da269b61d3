import { gzipSync } from 'node:zlib';
import { type Content, digestOf } from './content.ts';

const NAME = 'sample/hello';
const TAG = 'latest';
/** A constant, so that the image has the same digests on every start. */
const CREATED = '2026-01-01T00:00:00Z';
const LAYER_FILES = [
  { path: 'etc/os-release', text: 'NAME="registry-edge sample"\n' },
  { path: 'usr/share/hello.txt', text: 'Hello from the edge.\n'.repeat(1_000) },
  { path: 'usr/share/numbers.txt', text: Array.from({ length: 20_000 }, (_, n) => `${n}\n`).join('') },
];

export interface Sample {
  readonly name: string;
  readonly tag: string;
  /** The digest of the largest layer. */
  readonly digest: string;
}

/** Puts an image with three layers into a registry. */
export function addSample(content: Content): Sample {
  const layers = LAYER_FILES.map(({ path, text }) => {
    const tar = tarOf(path, Buffer.from(text));
    const bytes = gzipSync(tar);
    return { diffId: digestOf(tar), digest: put(bytes), size: bytes.length };
  });
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: CREATED,
      config: { Cmd: ['/bin/cat', '/usr/share/hello.txt'] },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(() => ({ created: CREATED, created_by: 'registry-edge' })),
    }),
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: put(config), size: config.length },
    layers: layers.map(({ digest, size }) => {
      return { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size };
    }),
  };
  content.putManifest(NAME, TAG, Buffer.from(JSON.stringify(manifest)), mediaType);
  const largest = layers.reduce((most, layer) => (layer.size > most.size ? layer : most));
  return { name: NAME, tag: TAG, digest: largest.digest };

  function put(bytes: Buffer): string {
    const digest = digestOf(bytes);
    content.putBlob(NAME, digest, bytes);
    return digest;
  }
}

const BLOCK_BYTES = 512;

/** Makes a tar archive of one file: a POSIX.1-1988 (ustar) header, the content and two empty blocks. */
export function tarOf(path: string, bytes: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  const fields: [offset: number, text: string][] = [
    [0, path],
    [100, octal(0o644, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(bytes.length, 11)],
    [136, octal(0, 11)],
    [148, ' '.repeat(8)], // the checksum is computed as if it were blanks
    [156, '0'],
    [257, 'ustar\x0000'],
  ];
  for (const [offset, text] of fields) header.write(text, offset, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const padding = Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return Buffer.concat([header, bytes, padding, Buffer.alloc(2 * BLOCK_BYTES)]);
}
