import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { CertctlError, type Secret } from '@certctl/core'

/** The cell a sealed value belongs to; a value moved to another cell does not open. */
export interface SealPlace {
  table: string
  id: string
  column: string
}

/** AES-256-GCM with the place as additional data and the key's id in front. */
export interface Sealing {
  /** Throws `refusal` where there is one. */
  seal(plain: string | Uint8Array, place: SealPlace): Buffer
  /** The same without refusal, for what is given to a caller and kept nowhere. */
  sealPassing(plain: string | Uint8Array, place: SealPlace): Buffer
  /** Throws `internal` when the value was sealed for another place, altered, or sealed with a key this server does not have. */
  open(sealed: Uint8Array, place: SealPlace): Buffer
  /** Id of the key that seals; others only open. */
  readonly keyId: string
  /** Ids of all keys this server was given, the one it was given first in front. */
  keyIds(): readonly string[]
  /**
   * Seals with this key from now on: it is the one of all copies, or was when the database was asked. Throws `config_invalid` where this
   * server was not given it; nothing is sealed with another one then.
   */
  use(keyId: string, askedMs?: number): void
  /** From now on `use` is expected within so long, each time; after that another key may seal by now, and nothing is sealed with this one. */
  expectUse(expected: UseExpected): void
  /** Why nothing may be sealed here now. Tells nothing about keys: strangers may read it. */
  refusal(): CertctlError | undefined
  /** One more key that opens. */
  add(secret: Secret): string
}

export interface UseExpected {
  withinMs: number
  nowMs(): number
}

/** Id of the key a value was sealed with. */
export function keyIdOf(sealed: Uint8Array): string {
  return Buffer.from(sealed.subarray(1, 1 + idBytes)).toString('hex')
}

const format = 1
const idBytes = 8
const nonceBytes = 12
const tagBytes = 16
const headBytes = 1 + idBytes + nonceBytes

interface Key {
  id: Buffer
  key: Buffer
}

/** The first secret seals until another is to be used; all of them open, so that a key can be replaced while old values are still there. */
export function createSealing(secrets: readonly [Secret, ...Secret[]]): Sealing {
  const keys = secrets.map(keyOf)
  const [first] = keys
  if (first === undefined) throw new CertctlError('internal', 'Sealing needs a key')
  let current = first
  let isMissing = false
  let expected: UseExpected | undefined
  let usedMs = Number.NEGATIVE_INFINITY
  const refusal = (): CertctlError | undefined => {
    if (isMissing) return refused(missingReason)
    const isLate = expected !== undefined && expected.nowMs() - usedMs > expected.withinMs
    return isLate ? refused(lateReason) : undefined
  }
  const find = (id: string): Key | undefined => keys.find((key) => key.id.toString('hex') === id)

  return {
    get keyId() {
      return current.id.toString('hex')
    },
    keyIds: () => keys.map(({ id }) => id.toString('hex')),
    refusal,
    expectUse(next) {
      expected = next
      usedMs = next.nowMs()
    },
    use(keyId, askedMs = expected?.nowMs()) {
      // Asked before, and answered after another one.
      if (askedMs !== undefined && askedMs < usedMs) return
      const wanted = find(keyId)
      isMissing = wanted === undefined
      usedMs = askedMs ?? usedMs
      if (wanted === undefined)
        throw new CertctlError(
          'config_invalid',
          `The database is sealed with the encryption key ${keyId} by now, which this server was not given; start it with that one in CERTCTL_CONFIG_ENCRYPTION_KEY`,
        )
      current = wanted
    },
    add(secret) {
      const key = keyOf(secret)
      const id = key.id.toString('hex')
      if (find(id) === undefined) keys.push(key)
      return id
    },
    seal(plain, place) {
      const why = refusal()
      if (why !== undefined) throw why
      return this.sealPassing(plain, place)
    },
    sealPassing(plain, place) {
      const head = Buffer.concat([Buffer.of(format), current.id, randomBytes(nonceBytes)])
      const cipher = createCipheriv('aes-256-gcm', current.key, head.subarray(1 + idBytes), { authTagLength: tagBytes })
      cipher.setAAD(additionalData(head, place))
      const body = Buffer.concat([cipher.update(plain), cipher.final()])
      return Buffer.concat([head, cipher.getAuthTag(), body])
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed)
      const head = bytes.subarray(0, headBytes)
      const key = keys.find(({ id }) => id.equals(head.subarray(1, 1 + idBytes)))
      if (head[0] !== format || bytes.length < headBytes + tagBytes) throw unreadable(place, 'it is not a sealed value')
      if (key === undefined) throw unreadable(place, unknownKey)
      return decrypt({ key, head, rest: bytes.subarray(headBytes), place })
    },
  }
}

function decrypt({ key, head, rest, place }: { key: Key; head: Buffer; rest: Buffer; place: SealPlace }): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key.key, head.subarray(1 + idBytes), { authTagLength: tagBytes })
  decipher.setAAD(additionalData(head, place))
  decipher.setAuthTag(rest.subarray(0, tagBytes))
  try {
    return Buffer.concat([decipher.update(rest.subarray(tagBytes)), decipher.final()])
  } catch (cause) {
    throw unreadable(place, 'it was altered, or belongs to another row', cause)
  }
}

/** Lengths before texts, so that no two places give the same bytes. */
function additionalData(head: Buffer, { table, id, column }: SealPlace): Buffer {
  return Buffer.concat([head.subarray(0, 1 + idBytes), Buffer.from(JSON.stringify([table, id, column]))])
}

const missingReason =
  'it was not given the encryption key that the database is sealed with by now. Restart it with that one in CERTCTL_CONFIG_ENCRYPTION_KEY'
const lateReason =
  'it could not ask the database for a while which encryption key seals, and that may be another one by now. It asks again by itself'

/** Another copy may do what this one must not. */
function refused(why: string): CertctlError {
  return new CertctlError('upstream_unavailable', `This copy of the server seals nothing: ${why}`)
}

const unknownKey =
  'it was sealed with a key that this server was not given. Start it with that key in CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS; where it is lost, set the value anew, or delete what it belongs to'

function unreadable({ table, id, column }: SealPlace, why: string, cause?: unknown): CertctlError {
  return new CertctlError('internal', `The sealed value ${table}.${column} of "${id}" cannot be opened: ${why}`, {
    cause,
  })
}

/** Operators write the key as any text of enough bytes; what encrypts is derived from it, and so is the name it goes by. */
function keyOf(secret: Secret): Key {
  const derived = (purpose: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret.reveal(), '', purpose, bytes))
  return {
    key: derived('certctl sealing key 1', 32),
    id: createHash('sha256').update(derived('certctl sealing key id 1', 32)).digest().subarray(0, idBytes),
  }
}
