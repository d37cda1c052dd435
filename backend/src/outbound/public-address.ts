/** Which addresses belong to the public internet, by IANA's registries of special-purpose addresses. */
import { BlockList, isIP } from 'node:net';

/** https://www.iana.org/assignments/iana-ipv4-special-registry, without the few anycast hosts that are global. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', // this host; connects to loopback
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by carriers (CGNAT); some clouds' metadata
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // a public address, yet Azure's own service inside each of its machines
  '169.254.0.0/16', // link-local; most clouds' metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; Oracle's metadata
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
];

/**
 * Of IPv6, what is not global unicast is refused altogether: unspecified, loopback, IPv4-mapped, NAT64 (64:ff9b::/96),
 * discard, segment routing, unique local, link-local, multicast.
 */
const GLOBAL_IPV6 = '2000::/3';
/** https://www.iana.org/assignments/iana-ipv6-special-registry, inside of GLOBAL_IPV6. */
const SPECIAL_IPV6 = [
  '2001::/23', // protocol assignments: Teredo, benchmarking, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which carries any IPv4 address
  '3fff::/20', // documentation
];

const specialIpv4 = blockList(SPECIAL_IPV4, 'ipv4');
const specialIpv6 = blockList(SPECIAL_IPV6, 'ipv6');
const globalIpv6 = blockList([GLOBAL_IPV6], 'ipv6');

/** False for what is not an address too, and for IPv6 addresses with a zone. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !specialIpv4.check(address, 'ipv4');
    case 6:
      return !address.includes('%') && globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6');
    default:
      return false;
  }
}

function blockList(subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
}
