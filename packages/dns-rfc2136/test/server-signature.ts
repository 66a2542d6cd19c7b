import { createHmac } from 'node:crypto'
import { type ReadMessage, readName, words, writeName } from './read-message.js'

/** TSIG from the server's side (RFC 8945 §5), written apart from the connector's. */
export interface ServerKey {
  name: string
  secret: string
}
export interface RequestTsig {
  keyName: string
  algorithm: string
  seconds: number
  mac: Buffer
  unsigned: Buffer
}

export function tsigOf(message: ReadMessage): RequestTsig | undefined {
  const record = message.sections[2].at(-1)
  if (record === undefined || record.type !== 250) return undefined
  const { name: algorithm, end } = readName(record.data, 0)
  const unsigned = Buffer.from(message.bytes.subarray(0, record.start))
  unsigned.writeUInt16BE(message.sections[2].length - 1, 10)
  const mac = record.data.subarray(end + 10, end + 10 + record.data.readUInt16BE(end + 8))
  return { keyName: record.name, algorithm, seconds: record.data.readUIntBE(end, 6), mac, unsigned }
}

/** 16, 17 or 18, as a server finds fault with it; 0: it is good. */
export function faultOf(tsig: RequestTsig, key: ServerKey, now: number): number {
  if (tsig.keyName !== key.name) return 17
  const variables = variablesOf(tsig, key, { seconds: tsig.seconds, error: 0, other: Buffer.alloc(0) })
  if (!macOf(tsig, key, [tsig.unsigned, variables]).equals(tsig.mac)) return 16
  return Math.abs(now - tsig.seconds) > 300 ? 18 : 0
}

export function signAnswer(answer: Buffer, tsig: RequestTsig, key: ServerKey, [error, now]: [number, number]): Buffer {
  const other = error === 18 ? secondsOf(now) : Buffer.alloc(0)
  const seconds = error === 18 ? tsig.seconds : now
  const before = [words(tsig.mac.length), tsig.mac, answer]
  const unsigned = error === 16 || error === 17
  const mac = unsigned
    ? Buffer.alloc(0)
    : macOf(tsig, key, [...before, variablesOf(tsig, key, { seconds, error, other })])
  const tail = [words(mac.length), mac, answer.subarray(0, 2), words(error, other.length), other]
  const data = Buffer.concat([writeName(tsig.algorithm), secondsOf(seconds), words(300), ...tail])
  const signed = Buffer.concat([answer, writeName(tsig.keyName), words(250, 255, 0, 0, data.length), data])
  signed.writeUInt16BE(answer.readUInt16BE(10) + 1, 10)
  return signed
}

function secondsOf(seconds: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(seconds, 0, 6)
  return bytes
}

function variablesOf(
  { algorithm }: RequestTsig,
  { name }: ServerKey,
  { seconds, error, other }: { seconds: number; error: number; other: Buffer },
): Buffer {
  const owner = [writeName(name), words(255, 0, 0), writeName(algorithm)]
  return Buffer.concat([...owner, secondsOf(seconds), words(300, error, other.length), other])
}

function macOf({ algorithm }: RequestTsig, { secret }: ServerKey, parts: readonly Buffer[]): Buffer {
  const digest = algorithm.replace('.sig-alg.reg.int', '').replace('hmac-', '')
  const hmac = createHmac(digest, Buffer.from(secret, 'base64'))
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}
