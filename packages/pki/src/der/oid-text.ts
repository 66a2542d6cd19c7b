/** The content octets of a dotted identifier that is known to be well-formed. */
export function encodeOidContent(text: string): Uint8Array {
  const [root = 0n, second = 0n, ...rest] = text.split('.').map(BigInt)
  return Uint8Array.from([root * 40n + second, ...rest].flatMap(base128))
}

function base128(arc: bigint): number[] {
  const octets = [Number(arc & 0x7fn)]
  for (let left = arc >> 7n; left > 0n; left >>= 7n) octets.unshift(Number(left & 0x7fn) | 0x80)
  return octets
}

/** Whether a text is a dotted object identifier that can be encoded (X.660: first arc 0–2, second below 40 under 0 and 1). */
export function isOid(text: string): boolean {
  return text.length <= 128 && /^(?:[01]\.[1-3]?\d|2\.(?:0|[1-9]\d*))(?:\.(?:0|[1-9]\d*))*$/.test(text)
}
