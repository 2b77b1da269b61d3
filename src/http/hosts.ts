/**
 * What kind of host a URL names, judged by its spelling only: a public name that resolves to a private address is not
 * detected. `new URL` has already normalized addresses (0x7f.1 is 127.0.0.1).
 */

/** RFC 1918, 1122 (loopback), 3927 (link local), 6598 (shared). */
const INTERNAL_V4 = parseBlocks(
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
);
/**
 * The other blocks of the IANA registry of special-purpose addresses that hold no Internet host: this network, protocol
 * assignments, documentation, 6to4 relays, benchmarking, multicast and everything above. The last one is Azure's
 * metadata service.
 */
const RESERVED_V4 = parseBlocks(
  ...['0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24'],
  ...['203.0.113.0/24', '224.0.0.0/3', '168.63.129.16/32'],
);
/** RFC 6761, RFC 6762 with its appendix G, RFC 8375, ICANN's `internal`, services of Kubernetes and Consul. */
const INTERNAL_NAME =
  /(?:^|\.)(?:consul|corp|home|home\.arpa|internal|intranet|lan|local|localdomain|localhost|private|svc|test)$/;
/** RFC 6761, 7686 and 9476: names that nobody can register. */
const RESERVED_NAME = /\.(?:alt|example|invalid|onion)$/;

/** Where clouds give a machine its credentials, in addition to link-local addresses. */
const METADATA = new Set([
  ...['100.100.100.200', '168.63.129.16', '192.0.0.192', '[fd00:ec2::23]', '[fd00:ec2::254]', '[fd20:ce::254]'],
  ...['instance-data', 'instance-data.ec2.internal', 'metadata', 'metadata.google.internal', 'metadata.goog'],
  'metadata.tencentyun.com',
]);
const LINK_LOCAL_V4 = parseBlocks('169.254.0.0/16');

/**
 * Whether a host can be reached only from inside some network, so that requests to it stay inside.
 * @param hostname of a `URL`
 */
export function isInternalHost(hostname: string): boolean {
  if (hostname.startsWith('[')) return hostname === '[::1]' || /^\[(?:f[cd]|fe[89ab])[0-9a-f]{0,2}:/.test(hostname);
  const name = withoutRootDot(hostname);
  const address = parseIpv4(name);
  return address === undefined ? !name.includes('.') || INTERNAL_NAME.test(name) : isInAny(INTERNAL_V4, address);
}

/**
 * Whether a host is not on the public Internet: it is internal, or reserved for something else. In doubt it is private.
 * @param hostname of a `URL`
 */
export function isPrivateHost(hostname: string): boolean {
  if (isInternalHost(hostname)) return true;
  if (hostname.startsWith('[')) return !isGlobalV6(hostname);
  const name = withoutRootDot(hostname);
  const address = parseIpv4(name);
  if (address !== undefined) return isInAny(RESERVED_V4, address);
  return RESERVED_NAME.test(name) || METADATA.has(name) || !/^[^.]+(?:\.[^.]+)+$/.test(name);
}

/**
 * Whether a host is the metadata service of a cloud, which is never a registry's storage.
 * @param hostname of a `URL`
 */
export function isMetadataHost(hostname: string): boolean {
  const name = embeddedIpv4(hostname) ?? withoutRootDot(hostname);
  const address = parseIpv4(name);
  return METADATA.has(name) || (address !== undefined && isInAny(LINK_LOCAL_V4, address));
}

/** Whether a host is this machine itself (RFC 6761, RFC 1122). @param hostname of a `URL` */
export function isLoopbackHost(hostname: string): boolean {
  const name = withoutRootDot(hostname);
  if (parseIpv4(name) !== undefined) return name.startsWith('127.');
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]';
}

/** Removes the dot of the DNS root: `registry.` is `registry`. */
function withoutRootDot(hostname: string): string {
  return hostname.replace(/\.+$/, '');
}

/**
 * Whether an IPv6 address is global unicast: 2000::/3 (RFC 4291), without 2001::/23 (protocols: Teredo, ORCHID,
 * benchmarking), 2001:db8::/32 and 3fff::/20 (documentation) and 2002::/16 (6to4). Mapped and compatible IPv4, NAT64,
 * unique local, link local and multicast lie outside of 2000::/3.
 */
function isGlobalV6(hostname: string): boolean {
  const [first = 0, second = 0] = hostname
    .slice(1, -1)
    .split(':')
    .map((group) => Number.parseInt(group || '0', 16));
  if (first < 0x2000 || first > 0x3fff || first === 0x2002) return false;
  if (first === 0x2001) return second >= 0x200 && second !== 0xdb8;
  return first !== 0x3fff || second >= 0x1000;
}

interface Block {
  readonly address: number;
  readonly hostBits: number;
}

/** @param cidrs such as `10.0.0.0/8` */
function parseBlocks(...cidrs: string[]): Block[] {
  return cidrs.map((cidr) => {
    const [address = '', length] = cidr.split('/');
    return { address: parseIpv4(address) ?? 0, hostBits: 32 - Number(length) };
  });
}

function isInAny(blocks: readonly Block[], address: number): boolean {
  return blocks.some((block) => address >>> block.hostBits === block.address >>> block.hostBits);
}

function parseIpv4(text: string): number | undefined {
  if (!/^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(text)) return undefined;
  return text.split('.').reduce((address, byte) => ((address << 8) | Number(byte)) >>> 0, 0);
}

/** Mapped and compatible addresses, and those of NAT64, as `URL` writes them. */
const EMBEDDED_V4 = /^\[(?:::ffff:|::|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

/** Returns the IPv4 address to which an IPv6 address leads; `undefined` if it leads to none. */
function embeddedIpv4(hostname: string): string | undefined {
  const [, ...groups] = EMBEDDED_V4.exec(hostname) ?? [];
  if (groups.length === 0) return undefined;
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]).join('.');
}

const AUTHORITY = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?$/i;

/**
 * Whether a `Host` header holds a host, perhaps with a port, and nothing else: workerd builds `request.url` from it,
 * whatever it holds.
 */
export function isAuthority(host: string): boolean {
  return AUTHORITY.test(host);
}
