import type { Duplex } from 'node:stream'
import { CertctlError, type Endpoint } from '@certctl/core'

type StartTls = NonNullable<Endpoint['startTls']>

/** Speaks what comes before TLS in each protocol, up to the moment where the handshake begins. Throws `upstream_protocol` when the other side does not offer TLS. */
export async function askForTls(stream: Duplex, protocol: StartTls): Promise<void> {
  await dialogues[protocol](stream)
}

const dialogues: Readonly<Record<StartTls, (stream: Duplex) => Promise<void>>> = {
  async smtp(stream) {
    await expectReply(stream, undefined, smtpReply(220)) // RFC 3207 §4
    await expectReply(stream, 'EHLO certctl.invalid\r\n', smtpReply(250))
    await expectReply(stream, 'STARTTLS\r\n', smtpReply(220))
  },
  async ftp(stream) {
    await expectReply(stream, undefined, smtpReply(220))
    await expectReply(stream, 'AUTH TLS\r\n', smtpReply(234)) // RFC 4217 §4
  },
  async imap(stream) {
    await expectReply(stream, undefined, lineReply(/^\* OK/i))
    await expectReply(stream, 'a1 STARTTLS\r\n', lineReply(/^a1 OK/i, /^a1 /i)) // RFC 9051 §6.2.1
  },
  async pop3(stream) {
    await expectReply(stream, undefined, lineReply(/^\+OK/))
    await expectReply(stream, 'STLS\r\n', lineReply(/^\+OK/)) // RFC 2595 §4
  },
  async postgres(stream) {
    const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]) // code 80877103
    await expectReply(stream, sslRequest, (seen) => (seen.length === 0 ? 'more' : seen[0] === 0x53 ? 'yes' : 'no'))
  },
  async ldap(stream) {
    await expectReply(stream, startTlsRequest, ldapReply) // RFC 4511 §4.14
  },
}

type Verdict = 'more' | 'yes' | 'no'
type Judge = (seen: Buffer) => Verdict

const maxReplyBytes = 65_536

async function expectReply(stream: Duplex, request: string | Buffer | undefined, judge: Judge): Promise<void> {
  if (request !== undefined) stream.write(request)
  const seen = await readReply(stream, judge)
  if (judge(seen) === 'yes') return
  const shown = JSON.stringify(seen.toString('latin1').slice(0, 120))
  throw new CertctlError('upstream_protocol', `The server does not offer TLS here; it answered ${shown}`)
}

async function readReply(stream: Duplex, judge: Judge): Promise<Buffer> {
  let seen = Buffer.alloc(0)
  return await new Promise((resolve, reject) => {
    const stop = (settle: () => void) => {
      stream.off('data', onData).off('error', onError).off('close', onClose).off('end', onClose).pause()
      settle()
    }
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      if (judge(seen) !== 'more' || seen.length > maxReplyBytes) stop(() => resolve(seen))
    }
    const onError = (error: Error) => stop(() => reject(error))
    const onClose = () =>
      stop(() => reject(new CertctlError('upstream_unavailable', 'The server closed the connection before TLS began')))
    stream.on('data', onData).on('error', onError).on('close', onClose).on('end', onClose).resume()
  })
}

/** A reply of one or more lines that ends with `NNN ` (SMTP and FTP alike). */
function smtpReply(code: number): Judge {
  return (seen) => {
    const last = /(?:^|\r?\n)(\d{3}) [^\n]*\n$/.exec(seen.toString('latin1'))
    return last === null ? 'more' : last[1] === String(code) ? 'yes' : 'no'
  }
}

/** A reply of one line; where `ends` is given, lines before it are other news. */
function lineReply(good: RegExp, ends?: RegExp): Judge {
  return (seen) => {
    const lines = seen.toString('latin1').split('\n').slice(0, -1)
    const line = ends === undefined ? lines[0] : lines.find((candidate) => ends.test(candidate))
    return line === undefined ? 'more' : good.test(line) ? 'yes' : 'no'
  }
}

const startTlsOid = Buffer.from('1.3.6.1.4.1.1466.20037', 'latin1')
const startTlsRequest = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, startTlsOid.length]),
  startTlsOid,
])

/** SEQUENCE { messageID INTEGER 1, [APPLICATION 24] { resultCode ENUMERATED, … } }; lengths are in the short or the one- or two-byte long form. */
function ldapReply(seen: Buffer): Verdict {
  const message = contentOf(seen, 0x30)
  if (message === undefined) return seen.length > 0 && seen[0] !== 0x30 ? 'no' : 'more'
  const id = contentOf(message, 0x02)
  const response = id === undefined ? undefined : contentOf(message.subarray(id.length + 2), 0x78)
  const result = response === undefined ? undefined : contentOf(response, 0x0a)
  return result?.length === 1 && result[0] === 0 ? 'yes' : 'no'
}

function contentOf(bytes: Buffer, tag: number): Buffer | undefined {
  const first = bytes[1]
  if (bytes[0] !== tag || first === undefined) return undefined
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  if (lengthBytes > 4 || bytes.length < 2 + lengthBytes) return undefined
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes)
  const start = 2 + lengthBytes
  return bytes.length < start + length ? undefined : bytes.subarray(start, start + length)
}
