import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../cleanup.ts';
import { runClient } from '../command.ts';
import { parseResults, type Results } from './results.ts';

/** What the suite leaves out by default, since the specification does not demand it of every registry. */
const EVERYTHING = {
  OCI_API_BLOBS_DIGEST_HEADER: 'true',
  OCI_API_BLOBS_UPLOAD_CANCEL: 'true',
  OCI_API_MANIFESTS_DIGEST_HEADER: 'true',
  OCI_API_MANIFESTS_TAG_PARAM: 'true',
  OCI_DATA_SPARSE: 'true',
};
/** A run through an edge takes up to 10 s, and more on a busy machine. */
const LIMIT_MS = 120_000;
/** No file of the folder in which the tests run; a missing one is an error. */
const NO_FILE = '/dev/null';

/**
 * Runs the conformance suite of the distribution specification against a registry.
 * @param variables further settings of the suite
 * @throws Error it wrote no results
 */
export async function runSuite(url: string, variables: Readonly<Record<string, string>> = {}): Promise<Results> {
  const folder = await temporaryFolder();
  const env = {
    OCI_REGISTRY: new URL(url).host,
    OCI_TLS: 'disabled',
    OCI_CONFIGURATION: NO_FILE,
    OCI_RESULTS_DIR: folder,
    OCI_LOG: 'error',
    ...EVERYTHING,
    ...variables,
  };
  // Its exit code says only whether the registry passes everything, which neither registry does.
  const { output } = await runClient('oci-conformance', [], env, LIMIT_MS);
  const xml = await readFile(join(folder, 'junit.xml'), 'utf8').catch(() => {
    throw new Error(`the conformance suite wrote no results: ${output}`);
  });
  return parseResults(xml);
}
