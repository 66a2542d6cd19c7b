import { firstUseful } from '../dns/descend.js'
import { labelCount, ofType, type RecordOf } from '../dns/dns-record.js'
import { broken, type Finding, fine } from '../finding.js'
import type { Looks, Zone } from '../looks.js'
import { dnsNameOf, type Subject } from '../subject.js'

/** Whether each parent names a key that its zone has, and resolvers that judge signatures accept the answers. */
export async function checkDnssec(looks: Looks, subject: Subject): Promise<Finding[]> {
  const name = dnsNameOf(subject)
  if (name === undefined) return []
  const { zones } = await looks.descend(name)
  const links = await Promise.all(
    zones.slice(1).map(async (zone, index) => await linkOf(looks, zones[index] as Zone, zone)),
  )
  const faults = [
    ...links.flatMap((link) => (link.fault === undefined ? [] : [link.fault])),
    ...(await bogus(looks, name)),
  ]
  if (faults.length > 0) return faults
  const last = links.at(-1)
  const zone = zones.at(-1)?.name ?? ''
  if (last === undefined || labelCount(zone) <= 1) return []
  if (last.isSigned) return [fine('dnssec_ok', `${zone} is signed with a key that its parent names`)]
  return [fine('dnssec_none', `${zone} is not signed; CAs do not ask for it`)]
}

interface Link {
  isSigned: boolean
  fault?: Finding | undefined
}

async function linkOf(looks: Looks, parent: Zone, zone: Zone): Promise<Link> {
  const [signers, keys] = await Promise.all([
    firstUseful(parent, { name: zone.name, type: 'DS' }, looks),
    firstUseful(zone, { name: zone.name, type: 'DNSKEY' }, looks),
  ])
  const named = ofType(signers?.answers ?? [], 'DS').filter((ds) => ds.name === zone.name)
  // A zone that does not answer at all is a fault of its delegation.
  if (named.length === 0 || keys === undefined) return { isSigned: named.length > 0 }
  const held = ofType(keys.answers, 'DNSKEY')
  if (named.some((ds) => held.some((key) => names(ds, key)))) return { isSigned: true }
  return { isSigned: true, fault: withoutKey(zone.name, named, held) }
}

function names(ds: RecordOf<'DS'>, key: RecordOf<'DNSKEY'>): boolean {
  const isSame = ds.keyTag === key.keyTag && ds.algorithm === key.algorithm && key.isZoneKey
  const digest = key.digests[ds.digestType]
  // A digest of a kind that is not known here is believed.
  return isSame && (digest === undefined || digest === ds.digest)
}

function withoutKey(zone: string, named: readonly RecordOf<'DS'>[], held: readonly RecordOf<'DNSKEY'>[]): Finding {
  const tags = (list: readonly { keyTag: number }[]) => [...new Set(list.map(({ keyTag }) => keyTag))].join(', ')
  return broken('ds_without_key', {
    seen: `The parent of ${zone} names the key ${tags(named)}; ${zone} has ${held.length === 0 ? 'no key at all' : `the key ${tags(held)}`}`,
    cause:
      'The zone was moved, its key was replaced, or signing was switched off, and the DS record stayed. CAs get no answer',
    remedy: `Replace or remove the DS record of ${zone} at its registrar`,
  })
}

/** SERVFAIL that goes away when signatures are not judged. */
async function bogus(looks: Looks, name: string): Promise<Finding[]> {
  const judged = await Promise.all(
    looks.resolvers.map(async (server) => {
      const [checked, unchecked] = await Promise.all([
        looks.ask({ server, name, type: 'SOA', recursion: 'checked' }),
        looks.ask({ server, name, type: 'SOA', recursion: 'unchecked' }),
      ])
      const fails = checked.state === 'answered' && checked.code === 'SERVFAIL'
      return fails && unchecked.state === 'answered' && unchecked.code !== 'SERVFAIL' ? [server] : []
    }),
  )
  const servers = judged.flat()
  if (servers.length === 0) return []
  return [
    broken('dnssec_bogus', {
      seen: `${servers.join(', ')} answers SERVFAIL for ${name}, and answers well when it does not judge signatures`,
      cause: 'Signatures of the zone have ended, are missing, or were made with a key that its parent does not name',
      remedy:
        'Sign the zone again, and look whether its signing still runs; as a last resort remove its DS record at the registrar',
    }),
  ]
}
