/** One way to write what names a person: case, width and runs of spaces tell nobody apart. */
export function personText(text: string): string {
  return text.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase()
}

/** A key as a person of its own. */
export function keyAsPerson(id: string): string {
  return `key:${id}`
}

/** What ids of keys of the environment begin with. */
export const environmentKeyId = 'key-env-'

/** Whether this is a key of the environment. Its name is its place in a list, and may be another's tomorrow. */
export function isEnvironmentKey(text: string): boolean {
  return text.startsWith(keyAsPerson(environmentKeyId))
}
