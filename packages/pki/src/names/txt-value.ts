/** RFC 1035 §3.3: what one character string holds. */
const maxBytes = 255

const encoder = new TextEncoder()

/** A TXT value as character strings of at most 255 bytes (UTF-8), cut between characters; an empty value is one empty string. */
export function splitTxt(value: string): string[] {
  const parts: string[] = []
  let part = ''
  let bytes = 0
  for (const character of value) {
    const size = encoder.encode(character).length
    if (bytes + size > maxBytes) {
      parts.push(part)
      part = ''
      bytes = 0
    }
    part += character
    bytes += size
  }
  return [...parts, part]
}

/** A TXT value as zone files and many APIs write it (RFC 1035 §5.1): quoted strings of at most 255 bytes; what is not printable ASCII as `\DDD`. */
export function quoteTxt(value: string): string {
  return splitTxt(value)
    .map((part) => `"${[...encoder.encode(part)].map(escaped).join('')}"`)
    .join(' ')
}

function escaped(byte: number): string {
  const character = String.fromCharCode(byte)
  if (character === '"' || character === '\\') return `\\${character}`
  return byte < 0x20 || byte > 0x7e ? `\\${String(byte).padStart(3, '0')}` : character
}

const quotedString = /"((?:[^"\\]|\\[\s\S])*)"/g
const quotedPart = /\\(\d{3}|[\s\S])|[^\\]+/g

/** The value of quoted strings, joined. Text that does not begin with a quote is taken as it stands: some APIs leave the quotes out. */
export function unquoteTxt(text: string): string {
  if (!text.trimStart().startsWith('"')) return text
  const bytes = [...text.matchAll(quotedString)].flatMap(([, inside = '']) =>
    [...inside.matchAll(quotedPart)].flatMap(([whole, character]) => bytesOf(whole, character)),
  )
  return new TextDecoder().decode(Uint8Array.from(bytes))
}

function bytesOf(whole: string, character: string | undefined): number[] {
  if (character === undefined) return [...encoder.encode(whole)]
  return /^\d{3}$/.test(character) ? [Number(character) & 0xff] : [...encoder.encode(character)]
}
