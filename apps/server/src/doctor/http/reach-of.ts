import ipaddr from 'ipaddr.js'
import type { WebLooks } from '../looks.js'

const within = ['private', 'uniqueLocal', 'carrierGradeNat']

/** By the range that an address lies in. */
export const reachOf: WebLooks['reachOf'] = (address) => {
  const range = ipaddr.process(address).range()
  if (range === 'unicast') return 'public'
  return within.includes(range) ? 'private' : 'nowhere'
}
