/** Which addresses are somewhere near: this machine, its networks, and what is not for the world (Mastodon 4.6's list). */
import { BlockList, isIP } from 'node:net'

const NEAR_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
/** `::/96` has the unspecified address, loopback, and IPv4 addresses in a form long given up. */
const NEAR_V6 = [
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/32',
  '2001:10::/28',
  '2001:20::/28',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

export type IsAllowed = (address: string) => boolean

/** `exceptions`: addresses and networks (`10.1.2.3`, `fd00::/8`) that are allowed although they are near. */
export function allowedAddresses(exceptions: readonly string[]): IsAllowed {
  const near = blockList([...NEAR_V4, ...NEAR_V6])
  const allowed = blockList(exceptions)
  return (address) => {
    const family = isIP(address)
    if (family === 0) return false
    // A BlockList holds an IPv4 address inside an IPv6 one (::ffff:1.2.3.4) against its rules of IPv4.
    const type = family === 4 ? 'ipv4' : 'ipv6'
    return allowed.check(address, type) || !near.check(address, type)
  }
}

/** Whether the address is one that was made an exception of. */
export function isException(exceptions: readonly string[]): IsAllowed {
  const list = blockList(exceptions)
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const type = isIP(address) === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(address, type)
    else list.addSubnet(address, Number(bits), type)
  }
  return list
}
