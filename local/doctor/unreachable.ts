import { type Finding, problem } from './finding.ts';

/** What may keep an address from being reached, by the code of Node's error. */
const CAUSES: Readonly<Record<string, readonly [says: string, change: string]>> = {
  ENOTFOUND: ['has no address in the DNS', 'correct the name of the host'],
  EAI_AGAIN: ['cannot be looked up in the DNS now', 'look whether this machine has a network'],
  ECONNREFUSED: ['accepts no connection', 'start it, or correct host and port'],
  ECONNRESET: ['closes the connection', 'look whether it speaks https or http, and correct the scheme'],
  CERT_HAS_EXPIRED: ['has a certificate that has expired', 'renew the certificate'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['has a self-signed certificate', 'give it one that everybody trusts'],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'has a certificate of another name',
    'correct the name of the host, or the certificate',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: ['has a certificate that nobody signed', 'give it one that everybody trusts'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['has a certificate without its chain', 'have it send the whole chain'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['does not speak https', 'correct the scheme or the port'],
};

/** Says why nothing answered. @param what the variable and the host */
export function describeFailure(error: unknown, what: string): Finding {
  const { code, name } = reasonIn(error);
  if (name === 'TimeoutError' || name === 'AbortError') {
    return problem(
      `${what} did not answer in time`,
      'look whether a firewall keeps this machine out, or raise ORIGIN_TIMEOUT',
    );
  }
  const [says, change] = CAUSES[code] ?? [`cannot be reached (${code || name})`, 'correct the address'];
  return problem(`${what} ${says}`, change);
}

/** Finds what is at the root of an error: a message could hold a secret, so only code and name are taken. */
function reasonIn(error: unknown): { readonly code: string; readonly name: string } {
  let root = error;
  while (root instanceof Error && root.cause !== undefined) root = root.cause;
  const [first = root] = root instanceof AggregateError ? root.errors : [root];
  const { code, name } = (first ?? {}) as { code?: unknown; name?: unknown };
  return { code: typeof code === 'string' ? code : '', name: String(name ?? 'unknown') };
}
