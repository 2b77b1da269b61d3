import { describe, expect, it } from 'vitest';
import { isInternalHost, isLoopbackHost, isMetadataHost, isPrivateHost } from '../../src/http/hosts.ts';

/** The hostname as `new URL` normalizes it, which is what the functions take. */
const hostOf = (written: string) => new URL(`https://${written}/`).hostname;

/** Hosts inside some network, by kind. */
const INTERNAL: readonly (readonly [kind: string, ...hosts: string[]])[] = [
  ['loopback', '127.0.0.1', '127.255.255.254', '0x7f.1', '2130706433', '017700000001', '127.0.0.1.', '[::1]'],
  ['RFC 1918', '10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  ['link local', '169.254.0.1', '169.254.169.254', '169.254.170.2', '[fe80::1]', '[febf::1]'],
  ['shared address space', '100.64.0.1', '100.100.100.200', '100.127.255.255'],
  ['unique local', '[fc00::1]', '[fd00:ec2::254]', '[fd20:ce::254]', '[fdff:ffff::1]'],
  ['a single label', 'registry', 'registry.', 'intranet', 'com', 'localhost', 'localhost.', 'LOCALHOST', 'metadata'],
  [
    'Kubernetes',
    'registry.default.svc',
    'registry.default.svc.',
    'registry.default.svc.cluster.local',
    'a.cluster.local',
  ],
  [
    'names of RFC 6761 and 6762',
    'a.localhost',
    'printer.local',
    'a.lan',
    'a.corp',
    'a.home',
    'a.private',
    'a.intranet',
  ],
  [
    'other internal names',
    'a.home.arpa',
    'a.internal',
    'a.b.internal.',
    'host.docker.internal',
    'a.localdomain',
    'a.service.consul',
  ],
  ['names for tests', 'a.test', 'a.b.TEST.'],
];
/** Hosts that are not on the Internet either, although requests to them need not stay inside a network. */
const RESERVED: readonly (readonly [kind: string, ...hosts: string[]])[] = [
  ['this network', '0.0.0.0', '0.1.2.3'],
  ['protocol assignments', '192.0.0.1', '192.0.0.192'],
  ['documentation', '192.0.2.1', '198.51.100.7', '203.0.113.255', '[2001:db8::1]', '[3fff::1]', '[3fff:fff::1]'],
  ['benchmarking', '198.18.0.1', '198.19.255.255', '[2001:2::1]'],
  ['6to4', '192.88.99.1', '[2002::1]', '[2002:a00:1::1]'],
  ['multicast and upwards', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '[ff02::1]'],
  ['Teredo', '[2001::1]', '[2001:0:4136:e378:8000:63bf:3fff:fdd2]'],
  ['ORCHID', '[2001:10::1]', '[2001:20::1]', '[2001:2f:ffff::1]'],
  ['other protocols', '[2001:1::1]', '[2001:1ff::1]'],
  ['mapped and compatible IPv4', '[::ffff:10.0.0.1]', '[::ffff:8.8.8.8]', '[::10.0.0.1]', '[::8.8.8.8]', '[::]'],
  ['NAT64', '[64:ff9b::808:808]', '[64:ff9b:1::1]'],
  ['discard, site local and unallocated', '[100::1]', '[fec0::1]', '[4000::1]', '[5f00::1]', '[1::1]'],
  ['metadata', '168.63.129.16', 'metadata.goog', 'metadata.goog.', 'metadata.tencentyun.com'],
  ['names that nobody can register', 'a.example', 'a.invalid', 'a.onion', 'a.alt', 'a..example.com', 'registry..com'],
];
const PUBLIC: readonly (readonly [kind: string, ...hosts: string[]])[] = [
  ['addresses', '8.8.8.8', '1.1.1.1', '223.255.255.255', '168.63.129.15'],
  ['next to RFC 1918', '9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.1', '192.167.255.255', '192.169.0.0'],
  [
    'next to the other internal blocks',
    '100.63.255.255',
    '100.128.0.1',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.0.1',
    '169.255.0.1',
  ],
  ['next to the reserved blocks', '192.0.1.1', '192.0.3.1', '198.17.255.255', '198.20.0.0', '203.0.112.1'],
  ['IPv6', '[2606:4700::1111]', '[2001:4860:4860::8888]', '[2001:200::1]', '[2001:db7::1]', '[2003::1]', '[2a00::1]'],
  ['next to the reserved blocks of IPv6', '[2001:db9::1]', '[3ffe::1]', '[3fff:1000::1]', '[2600:1f18::254]'],
  ['names', 'registry.example.com', 'registry.example.com.', 'example.com', 'a.co', 'xn--nxasmq6b.com'],
  ['names like internal ones', 'internal.example.com', 'localhost.example.com', 'svc.example.com', 'mycorp.com'],
  ['last labels like internal ones', 'a.homes', 'a.lanxess', 'a.locals', 'a.testing', 'a.xsvc', 'a.examples'],
  ['names like addresses', '10.evil.example.com', '127.0.0.1.nip.io', '192-168-0-1.example.com'],
  ['names like those of metadata services', 'metadata.example.com', 'metadata.google.com', 'mymetadata.goog'],
];
const flat = (table: typeof PUBLIC) => table.flatMap(([kind, ...hosts]) => hosts.map((host) => [kind, host] as const));

describe('isPrivateHost and isInternalHost', () => {
  it.each(flat(INTERNAL))('%s: %s is internal and private', (_kind, host) => {
    expect([isInternalHost(hostOf(host)), isPrivateHost(hostOf(host))]).toEqual([true, true]);
  });

  it.each(flat(RESERVED))('%s: %s is private but not internal', (_kind, host) => {
    expect([isInternalHost(hostOf(host)), isPrivateHost(hostOf(host))]).toEqual([false, true]);
  });

  it.each(flat(PUBLIC))('%s: %s is public', (_kind, host) => {
    expect([isInternalHost(hostOf(host)), isPrivateHost(hostOf(host))]).toEqual([false, false]);
  });
});

describe('isMetadataHost', () => {
  it.each([
    ...['169.254.169.254', '169.254.170.2', '169.254.0.23', '2852039166', '100.100.100.200', '168.63.129.16'],
    ...[
      '192.0.0.192',
      '[fd00:ec2::254]',
      '[fd00:0ec2::254]',
      '[fd20:ce::254]',
      'metadata',
      'metadata.google.internal.',
    ],
    ...['[::ffff:169.254.169.254]', '[::ffff:a9fe:a902]', '[::169.254.169.254]', '[64:ff9b::a9fe:a9fe]'],
    '[::ffff:100.100.100.200]',
    ...['METADATA.GOOG', 'instance-data.ec2.internal', 'metadata.tencentyun.com'],
  ])('%s is a metadata host', (host) => {
    expect(isMetadataHost(hostOf(host))).toBe(true);
  });

  it.each([
    '10.0.0.1',
    '[::ffff:10.0.0.1]',
    '[::1]',
    '[fd00:ec2::255]',
    'metadata.example.com',
    'registry.internal',
    'registry',
  ])('%s is no metadata host', (host) => {
    expect(isMetadataHost(hostOf(host))).toBe(false);
  });
});

describe('isLoopbackHost', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.1.2.3.', true],
    ['localhost', true],
    ['localhost.', true],
    ['a.localhost', true],
    ['[::1]', true],
    ['127.evil.example', false],
    ['localhost.example.com', false],
    ['10.0.0.1', false],
    ['[::2]', false],
  ])('%s is a loopback host: %s', (host, expected) => {
    expect(isLoopbackHost(hostOf(host))).toBe(expected);
  });
});
