/** What kind of host a URL names. `new URL` has put addresses into their one form (0x7f.1 is 127.0.0.1). */

const IPV4 = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/;
/** RFC 1918, 1122, 3927, 5736, 5737, 6598, 2544, and multicast upwards. */
const PRIVATE_V4 =
  /^(?:0|10|127|22[4-9]|2[3-5][0-9])\.|^169\.254\.|^192\.168\.|^192\.0\.0\.|^198\.1[89]\.|^172\.(?:1[6-9]|2[0-9]|3[01])\.|^100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\./;
/** Loopback and mapped IPv4, unique local, link local, multicast, NAT64, 6to4. */
const PRIVATE_V6 = /^\[(?:::|f[cdef]|64:ff9b:|2002:)/;
/** RFC 6761, 6762, 8375, and what is used like them. */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|lan|home\.arpa)\.?$/;

/** Whether a host is reached only from inside some network. @param hostname of a `URL` */
export function isPrivateHost(hostname: string): boolean {
  if (hostname.startsWith('[')) return PRIVATE_V6.test(hostname);
  if (IPV4.test(hostname)) return PRIVATE_V4.test(hostname);
  return PRIVATE_NAME.test(hostname) || !hostname.includes('.');
}

/** This machine itself: RFC 6761 and 1122. @param hostname of a `URL` */
export function isLoopbackHost(hostname: string): boolean {
  if (IPV4.test(hostname)) return hostname.startsWith('127.');
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]';
}
