import { createHash } from 'node:crypto'
import type { Answer, DecodedPacket, DnskeyAnswer } from 'dns-packet'
import type { DnsRecord, DnsReply } from './dns-record.js'

type Answered = Extract<DnsReply, { state: 'answered' }>

/** A reply in our words; records of types that nobody here asks for are left out. */
export function readReply(packet: DecodedPacket): Answered {
  const recordsOf = (answers: readonly Answer[] | undefined) =>
    (answers ?? []).flatMap((answer) => recordOf(answer) ?? [])
  return {
    state: 'answered',
    code: 'rcode' in packet ? String(packet.rcode) : 'NOERROR',
    isAuthoritative: packet.flag_aa,
    answers: recordsOf(packet.answers),
    authorities: recordsOf(packet.authorities),
    additionals: recordsOf(packet.additionals),
  }
}

/** Names as they are compared: in lower case, without final dot; the root is empty. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

function recordOf(answer: Answer): DnsRecord | undefined {
  if (answer.type === 'OPT') return undefined
  const head = { name: plainName(answer.name), ttlSeconds: answer.ttl ?? 0 }
  switch (answer.type) {
    case 'A':
    case 'AAAA':
      return { ...head, type: answer.type, address: answer.data.toLowerCase() }
    case 'CNAME':
    case 'NS':
      return { ...head, type: answer.type, target: plainName(answer.data) }
    case 'SOA':
      return { ...head, type: 'SOA', primary: plainName(answer.data.mname), serial: answer.data.serial ?? 0 }
    case 'TXT':
      return { ...head, type: 'TXT', value: [answer.data].flat().map(String).join('') }
    case 'CAA': {
      const { issuerCritical = false, tag, value } = answer.data
      return { ...head, type: 'CAA', isCritical: issuerCritical, tag: tag.toLowerCase(), value }
    }
    case 'DS': {
      const { keyTag, algorithm, digestType, digest } = answer.data
      return { ...head, type: 'DS', keyTag, algorithm, digestType, digest: digest.toString('hex') }
    }
    case 'DNSKEY':
      return { ...head, type: 'DNSKEY', ...keyOf(head.name, answer.data) }
    default:
      return undefined
  }
}

/** RFC 4034 §2.1.1: the flag that makes a key sign the zone. */
const zoneKeyFlag = 0x100
const hashes = { 1: 'sha1', 2: 'sha256', 4: 'sha384' } as const

function keyOf(owner: string, { flags, algorithm, key }: DnskeyAnswer['data']) {
  const data = Buffer.concat([Buffer.from([flags >> 8, flags & 0xff, 3, algorithm]), key])
  const digests = Object.entries(hashes).map(([type, hash]) => {
    const digest = createHash(hash)
      .update(Buffer.concat([wireName(owner), data]))
      .digest('hex')
    return [type, digest] as const
  })
  const isZoneKey = (flags & zoneKeyFlag) !== 0
  return { keyTag: keyTagOf(data), algorithm, isZoneKey, digests: Object.fromEntries(digests) }
}

/** RFC 4034 appendix B. */
function keyTagOf(data: Buffer): number {
  let sum = 0
  for (const [index, byte] of data.entries()) sum += index % 2 === 0 ? byte << 8 : byte
  return (sum + (sum >> 16)) & 0xffff
}

function wireName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.')
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)])
  return Buffer.concat([...parts, Buffer.from([0])])
}
