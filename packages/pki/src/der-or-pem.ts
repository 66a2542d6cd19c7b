import { CertctlError, type ErrorCode, messageOf } from '@certctl/core'
import { tooLarge } from './der/reader.js'
import { decodeBase64, readBlocks } from './pem.js'

export interface ExpectedBlock {
  labels: readonly string[]
  /** For messages: `CSR`, `certificate`. */
  what: string
  code: ErrorCode
  maxBytes: number
}

/** The one DER structure that was given as bytes or as PEM text with exactly one block of these labels. */
export function derOf(input: string | Uint8Array, { labels, what, code, maxBytes }: ExpectedBlock): Uint8Array {
  if (typeof input !== 'string') {
    if (input.length > maxBytes) throw tooLarge(what, input.length, maxBytes)
    return input
  }
  // Base64 and line ends add less than half; explanatory text around a block is allowed for.
  if (input.length > 2 * maxBytes) throw tooLarge(what, input.length, maxBytes)
  try {
    const blocks = readBlocks(input).filter((block) => labels.includes(block.label))
    const [block] = blocks
    if (block === undefined)
      throw new CertctlError(code, `There is no ${what} in this text: no line says -----BEGIN ${labels[0]}-----`)
    if (blocks.length > 1)
      throw new CertctlError(code, `There are ${blocks.length} ${what}s in this text where one is expected`)
    return decodeBase64(block)
  } catch (cause) {
    throw cause instanceof CertctlError && cause.code === 'request_malformed'
      ? new CertctlError(code, messageOf(cause), { cause })
      : cause
  }
}
