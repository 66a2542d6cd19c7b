import { createHash } from 'node:crypto'

/** Chance from a seed: the same seed gives the same sequence, on every machine. */
export interface Random {
  /** From 0 to below 1. */
  next(): number
  happens(probability: number): boolean
  between(low: number, high: number): number
  /** `low` and `high` included. */
  whole(low: number, high: number): number
  pick<T>(list: readonly T[]): T
  bytes(count: number): Uint8Array
  uuid(): string
  /** A sequence of its own, so that what one part asks for does not change what another gets. */
  fork(name: string): Random
}

export function createRandom(seed: string): Random {
  const next = sequence(seed)
  const whole = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => whole(0, 255))
  return {
    next,
    happens: (probability) => next() < probability,
    between: (low, high) => low + next() * (high - low),
    whole,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new RangeError('there is nothing to pick from')
      return list[whole(0, list.length - 1)] as T
    },
    bytes,
    uuid: () => uuidOf(bytes(16)),
    fork: (name) => createRandom(`${seed}/${name}`),
  }
}

/** sfc32: small, fast, and good enough for dice. */
function sequence(seed: string): () => number {
  const digest = createHash('sha256').update(seed).digest()
  let a = digest.readInt32LE(0)
  let b = digest.readInt32LE(4)
  let c = digest.readInt32LE(8)
  let d = digest.readInt32LE(12)
  return () => {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }
}

/** RFC 9562 §5.4. */
function uuidOf(bytes: Uint8Array): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
