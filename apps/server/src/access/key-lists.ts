import { Secret } from '@certctl/core'

/** An API key that the environment names. */
export interface ListedKey {
  name: string
  role: 'admin' | 'operator'
  key: Secret
}

/** What a bearer token can be made of; anything else could never be sent. */
export function isBearer(text: string): boolean {
  return /^[A-Za-z0-9._~+/=-]{1,512}$/.test(text)
}

const split = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** Reads `name:key[:admin],…`. */
export function namedKeys(text: string): ListedKey[] {
  return split(text).map((entry) => {
    const [name = '', key = '', mark] = entry.split(':')
    return { name: name.trim(), role: mark === 'admin' ? 'admin' : 'operator', key: new Secret(key) }
  })
}

/** Reads `key,…`; the keys are called by their place, as the old server called them. */
export function secretKeys(text: string): ListedKey[] {
  return split(text).map((key, index) => ({ name: `legacy-key-${index}`, role: 'operator', key: new Secret(key) }))
}

/** What is wrong with a list of named keys, without any text of it. */
export function namedKeysFault(text: string): string | undefined {
  const entries = split(text)
  const faults = entries.flatMap((entry, index) => {
    const [name = '', key = '', mark, ...more] = entry.split(':')
    const isSound = /^[^\s:,][^:,]{0,127}$/.test(name) && isBearer(key) && more.length === 0
    return isSound && (mark === undefined || mark === 'admin') ? [] : [index + 1]
  })
  if (faults.length > 0)
    return `must be name:key or name:key:admin, comma between; what is wrong is number ${faults.join(', ')} of ${entries.length}`
  return twice(namedKeys(text))
}

/** The same for keys without names. */
export function secretKeysFault(text: string): string | undefined {
  const entries = split(text)
  const faults = entries.flatMap((entry, index) => (isBearer(entry) ? [] : [index + 1]))
  if (faults.length > 0)
    return `must be keys of letters, digits and . _ ~ + / = -, comma between; what is wrong is number ${faults.join(', ')} of ${entries.length}`
  return twice(secretKeys(text))
}

function twice(keys: readonly ListedKey[]): string | undefined {
  const values = keys.map(({ key }) => key.reveal())
  const index = values.findIndex((value, place) => values.indexOf(value) !== place)
  return index === -1 ? undefined : `must not have the same key twice; number ${index + 1} is an earlier one again`
}
