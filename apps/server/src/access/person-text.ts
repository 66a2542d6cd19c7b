/** One way to write what names a person: case, width and runs of spaces tell nobody apart. */
export function personText(text: string): string {
  return text.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase()
}

/** A key as a person of its own. */
export function keyAsPerson(id: string): string {
  return `key:${id}`
}
