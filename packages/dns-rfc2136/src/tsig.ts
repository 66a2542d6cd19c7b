import { createHmac, timingSafeEqual } from 'node:crypto'
import { CertctlError, type Secret } from '@certctl/core'
import { afterName, classes, encodeName, encodeRecord, startOfLastRecord, types, uint16 } from './wire.js'

/** RFC 8945 §6, and what BIND calls the oldest. */
export const tsigAlgorithms = [
  'hmac-sha256',
  'hmac-sha384',
  'hmac-sha512',
  'hmac-sha224',
  'hmac-sha1',
  'hmac-md5',
] as const
export type TsigAlgorithm = (typeof tsigAlgorithms)[number]

export interface TsigKey {
  name: string
  algorithm: TsigAlgorithm
  /** Base64. */
  secret: Secret
}

/** How far two clocks may be apart, as everybody has it (RFC 8945 §10). */
const fudgeSeconds = 300

interface Variables {
  seconds: number
  fudge: number
  error: number
  other: Uint8Array
}

/** A message with its TSIG record, and the MAC that the answer is bound to. */
export function signMessage(message: Buffer, key: TsigKey, now: Date): { signed: Buffer; mac: Buffer } {
  const seconds = Math.floor(now.getTime() / 1000)
  const variables: Variables = { seconds, fudge: fudgeSeconds, error: 0, other: Buffer.alloc(0) }
  const mac = macOf([message], key, variables)
  const data = Buffer.concat([
    algorithmName(key),
    timeOf(variables),
    uint16(mac.length),
    mac,
    message.subarray(0, 2),
    uint16(0),
    uint16(0),
  ])
  const record = encodeRecord({ name: key.name, type: types.TSIG, class: classes.ANY, ttl: 0, data })
  const signed = Buffer.concat([message, record])
  signed.writeUInt16BE(message.readUInt16BE(10) + 1, 10)
  return { signed, mac }
}

export interface Signature {
  /** 0, or what the server says about our signature: 16 BADSIG, 17 BADKEY, 18 BADTIME, 22 BADTRUNC. */
  error: number
  /** With BADTIME: the server's clock. */
  serverSeconds?: number | undefined
}

/** Checks the signature of an answer; `undefined`: it has none. Throws `upstream_protocol` where it is not by this key. */
export function verifyAnswer(answer: Buffer, key: TsigKey, asked: { mac: Buffer; now: Date }): Signature | undefined {
  const found = readTsig(answer)
  if (found === undefined) return undefined
  const { error, mac, other } = found
  // RFC 8945 §5.3.2: who cannot check our signature cannot sign the answer.
  if (mac.length === 0 && (error === 16 || error === 17)) return { error }
  const expected = macOf([uint16(asked.mac.length), asked.mac, found.unsigned], key, found)
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected))
    throw new CertctlError('upstream_protocol', 'The answer is not signed with the TSIG key: somebody else sent it')
  const serverSeconds = error === 18 && other.length === 6 ? other.readUIntBE(0, 6) : undefined
  if (error === 0 && Math.abs(asked.now.getTime() / 1000 - found.seconds) > found.fudge)
    return { error: 18, serverSeconds: found.seconds }
  return { error, serverSeconds }
}

interface FoundTsig extends Variables {
  mac: Buffer
  other: Buffer
  /** The message as it was signed: without the record, with its own id. */
  unsigned: Buffer
}

function readTsig(message: Buffer): FoundTsig | undefined {
  if (message.readUInt16BE(10) === 0) return undefined
  const start = startOfLastRecord(message)
  const fixed = afterName(message, start)
  if (message.readUInt16BE(fixed) !== types.TSIG) return undefined
  const at = afterName(message, fixed + 10)
  const macLength = message.readUInt16BE(at + 8)
  const tail = at + 10 + macLength
  const unsigned = Buffer.from(message.subarray(0, start))
  unsigned.writeUInt16BE(message.readUInt16BE(10) - 1, 10)
  unsigned.writeUInt16BE(message.readUInt16BE(tail), 0)
  return {
    seconds: message.readUIntBE(at, 6),
    fudge: message.readUInt16BE(at + 6),
    mac: message.subarray(at + 10, tail),
    error: message.readUInt16BE(tail + 2),
    other: message.subarray(tail + 6, tail + 6 + message.readUInt16BE(tail + 4)),
    unsigned,
  }
}

/** RFC 8945 §4.3: what goes before, and the TSIG variables. */
function macOf(before: readonly Uint8Array[], key: TsigKey, variables: Variables): Buffer {
  const { error, other } = variables
  const hmac = createHmac(key.algorithm.slice('hmac-'.length), Buffer.from(key.secret.reveal(), 'base64'))
  const ttl = Buffer.alloc(4)
  const owner = [encodeName(key.name), uint16(classes.ANY), ttl, algorithmName(key)]
  for (const part of [...before, ...owner, timeOf(variables), uint16(error), uint16(other.length), other])
    hmac.update(part)
  return hmac.digest()
}

function timeOf({ seconds, fudge }: Variables): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUIntBE(seconds, 0, 6)
  bytes.writeUInt16BE(fudge, 6)
  return bytes
}

function algorithmName({ algorithm }: TsigKey): Buffer {
  return encodeName(algorithm === 'hmac-md5' ? 'hmac-md5.sig-alg.reg.int' : algorithm)
}
