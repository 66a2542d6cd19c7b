import { randomBytes } from 'node:crypto'

/** A secret that is looked for. */
export interface Canary {
  name: string
  value: string | Buffer
  /** Places where it belongs. */
  mayBeIn?: RegExp | undefined
}

/** Bytes that should hold no canary, and where they are from. */
export interface Haystack {
  place: string
  bytes: Buffer
}

export interface Sighting {
  canary: string
  form: string
  place: string
  around: string
}

export function randomCanary(bytes = 16): string {
  return `canary-${randomBytes(bytes).toString('hex')}`
}

/** Every place where a canary is and does not belong, in whichever form. */
export function findCanaries(canaries: readonly Canary[], haystacks: readonly Haystack[]): Sighting[] {
  return canaries.flatMap(({ name, value, mayBeIn }) => {
    const forms = [...formsOf(Buffer.from(value))]
    const searched = haystacks.filter(({ place }) => mayBeIn?.test(place) !== true)
    return searched.flatMap(({ place, bytes }) =>
      forms.flatMap(([form, needle]) => {
        const at = bytes.indexOf(needle)
        if (at === -1) return []
        const around = bytes.subarray(Math.max(0, at - 60), at + needle.length + 30).toString('latin1')
        return [{ canary: name, form, place, around }]
      }),
    )
  })
}

/**
 * The bytes as others would write them: as text in JSON, in JSON inside of JSON, in a URL; in hex; in base64, wherever in a longer
 * value they stand; and each of those in hex, as PostgreSQL writes a bytea.
 */
export function formsOf(value: Buffer): Map<string, Buffer> {
  const forms = new Map<string, Buffer>([['as it is', value]])
  const add = (name: string, text: string) => {
    const bytes = Buffer.from(text)
    if (![...forms.values()].some((known) => known.equals(bytes))) forms.set(name, bytes)
  }
  const text = value.toString('utf8')
  if (Buffer.from(text).equals(value)) {
    const json = JSON.stringify(text).slice(1, -1)
    add('JSON', json)
    add('JSON in JSON', JSON.stringify(json).slice(1, -1))
    add('URL', encodeURIComponent(text))
  }
  for (const shift of [0, 1, 2]) {
    const base64 = innerBase64(value, shift)
    add(`base64 at ${shift}`, base64)
    add(`base64url at ${shift}`, base64.replaceAll('+', '-').replaceAll('/', '_'))
  }
  for (const [name, bytes] of [...forms]) add(`hex of ${name}`, bytes.toString('hex'))
  add('HEX', value.toString('hex').toUpperCase())
  return forms
}

/** What base64 of `shift` other bytes, these and more always has: the characters that hold no bit of a neighbour. */
function innerBase64(value: Buffer, shift: number): string {
  const whole = Buffer.concat([Buffer.alloc(shift), value]).toString('base64')
  return whole.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + value.length) * 8) / 6))
}
