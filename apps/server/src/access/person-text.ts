/** One way to write what names a person: case, width and runs of spaces tell nobody apart. */
export function personText(text: string): string {
  return text.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase()
}
