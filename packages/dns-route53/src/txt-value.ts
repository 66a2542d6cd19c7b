/** Route 53 keeps a TXT value as character strings in quotes: `"first" "second"`, with `\"`, `\\` and octal `\ooo` inside. */

const maxBytes = 255

/** The value in Route 53's words; always split the same way. */
export function quoteText(value: string): string {
  const bytes = Buffer.from(value, 'utf8')
  const starts = Array.from({ length: Math.max(1, Math.ceil(bytes.length / maxBytes)) }, (_, index) => index * maxBytes)
  return starts.map((start) => `"${escaped(bytes.subarray(start, start + maxBytes))}"`).join(' ')
}

function escaped(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte)
    if (character === '"' || character === '\\') return `\\${character}`
    return byte >= 0x20 && byte < 0x7f ? character : `\\${byte.toString(8).padStart(3, '0')}`
  }).join('')
}

/** The value that somebody wrote, however he split and escaped it; a bare word is one string. */
export function unquoteText(text: string): string {
  const strings = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|[^\s"]+/g)].map(([whole, quoted]) => quoted ?? whole)
  const bytes = strings.flatMap((string) =>
    [...string.matchAll(/\\([0-7]{3})|\\(.)|([^\\])/gsu)].map(([, octal, literal, plain]) =>
      octal === undefined
        ? Buffer.from(literal ?? plain ?? '', 'utf8')
        : Buffer.from([Number.parseInt(octal, 8) & 0xff]),
    ),
  )
  return Buffer.concat(bytes).toString('utf8')
}
