import { hash } from 'node:crypto'

/** What the bytes are for (RFC 7292 appendix B.3). */
export const purposes = { key: 1, iv: 2, mac: 3 } as const

export interface Derivation {
  algorithm: 'sha1' | 'sha256'
  password: string
  salt: Uint8Array
  iterations: number
  purpose: keyof typeof purposes
  length: number
}

// Both hashes work on blocks of 64 octets.
const blockSize = 64

/** The key derivation of RFC 7292 appendix B.2, from the password in UTF-16BE with two octets of zero behind it. */
export function deriveBytes({ algorithm, password, salt, iterations, purpose, length }: Derivation): Uint8Array {
  const diversifier = Buffer.alloc(blockSize, purposes[purpose])
  const input = Buffer.concat([filled(salt), filled(bmpPassword(password))])
  const pieces: Buffer[] = []
  let have = 0
  while (have < length) {
    let piece = hash(algorithm, Buffer.concat([diversifier, input]), 'buffer')
    for (let turn = 1; turn < iterations; turn += 1) piece = hash(algorithm, piece, 'buffer')
    pieces.push(piece)
    have += piece.length
    addToBlocks(input, filled(piece).subarray(0, blockSize))
  }
  return Buffer.concat(pieces).subarray(0, length)
}

function bmpPassword(password: string): Buffer {
  return Buffer.from(`${password}\0`, 'utf16le').swap16()
}

/** Repeated up to whole blocks. */
function filled(octets: Uint8Array): Buffer {
  return Buffer.alloc(Math.ceil(octets.length / blockSize) * blockSize, octets)
}

/** Each block of `input` becomes itself + `addend` + 1, modulo 2^512. */
function addToBlocks(input: Buffer, addend: Uint8Array): void {
  for (let block = 0; block < input.length; block += blockSize) {
    let carry = 1
    for (let at = blockSize - 1; at >= 0; at -= 1) {
      carry += (input[block + at] ?? 0) + (addend[at] ?? 0)
      input[block + at] = carry & 0xff
      carry >>>= 8
    }
  }
}
