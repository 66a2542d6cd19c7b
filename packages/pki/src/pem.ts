import { CertctlError } from '@certctl/core'

const longestText = 16 * 1024 * 1024

/** RFC 7468: lines of 64 characters, a final line end. */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.length).toString('base64')
  let lines = ''
  for (let at = 0; at < base64.length; at += 64) lines += `${base64.slice(at, at + 64)}\n`
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`
}

/**
 * The content of every block, or of every block with this label, in order; text around blocks is passed over.
 * No block is an empty list. A block that is cut off, mislabelled, encrypted or not base64 throws `request_malformed`.
 */
export function decodePem(text: string, label?: string): Uint8Array[] {
  return readBlocks(text)
    .filter((block) => label === undefined || block.label === label)
    .map((block) => decodeBase64(block))
}

interface Block {
  label: string
  body: string
}

const begin = '-----BEGIN '
const end = '-----END '
const dashes = '-----'

/** Blocks as they stand, contents not yet decoded. */
export function readBlocks(text: string): Block[] {
  if (text.length > longestText)
    throw new CertctlError('too_large', `The PEM text has ${text.length} characters; at most ${longestText} are read`)
  const blocks: Block[] = []
  let at = text.indexOf(begin)
  while (at !== -1) {
    const { block, next } = readBlock(text, at)
    blocks.push(block)
    at = text.indexOf(begin, next)
  }
  return blocks
}

function readBlock(text: string, start: number): { block: Block; next: number } {
  const labelStart = start + begin.length
  const labelEnd = text.indexOf(dashes, labelStart)
  const label = text.slice(labelStart, labelEnd)
  if (labelEnd === -1 || !/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(label.slice(0, 80)) || label.length > 80)
    throw malformedPem('has a BEGIN line without a label')
  const bodyStart = labelEnd + dashes.length
  const bodyEnd = text.indexOf(end, bodyStart)
  if (bodyEnd === -1) throw malformedPem(`has a ${label} block without its END line`)
  const closing = `${end}${label}${dashes}`
  if (!text.startsWith(closing, bodyEnd)) throw malformedPem(`has a ${label} block that ends as something else`)
  return { block: { label, body: text.slice(bodyStart, bodyEnd) }, next: bodyEnd + closing.length }
}

/** The bytes of a block; throws `request_malformed` where it is not plain base64. */
export function decodeBase64({ label, body }: Block): Uint8Array {
  if (/^\s*(?:Proc-Type|DEK-Info):/i.test(body))
    throw malformedPem(
      `has a ${label} block that is encrypted in the old way; convert it to PKCS #8 without a password`,
    )
  const base64 = body.replace(/\s+/g, '')
  const bytes = Buffer.from(base64, 'base64')
  // Buffer passes over what is not base64, so the way back must give the same text.
  if (bytes.length === 0 || bytes.toString('base64') !== base64)
    throw malformedPem(`has a ${label} block that is not base64`)
  return bytes
}

function malformedPem(fault: string): CertctlError {
  return new CertctlError('request_malformed', `The PEM text ${fault}`)
}

/** Each certificate of a PEM text as a PEM of its own, written anew. */
export function splitCertificates(pemText: string): string[] {
  return decodePem(pemText, 'CERTIFICATE').map((der) => encodePem('CERTIFICATE', der))
}
