/** A message as a server reads it. Own eyes: dns-packet cannot read the empty records that updates are made of. Names must not be compressed. */
export interface ReadRecord {
  name: string
  type: number
  class: number
  ttl: number
  data: Buffer
  /** Where it begins. */
  start: number
}
export interface ReadMessage {
  bytes: Buffer
  id: number
  opcode: number
  name: string
  type: number
  sections: readonly [readonly ReadRecord[], readonly ReadRecord[], readonly ReadRecord[]]
}

export function readMessage(bytes: Buffer): ReadMessage {
  let offset = 12
  const take = (length: number): Buffer => {
    offset += length
    return bytes.subarray(offset - length, offset)
  }
  const word = () => take(2).readUInt16BE(0)
  const name = (): string => {
    const found = readName(bytes, offset)
    offset = found.end
    return found.name
  }
  const record = (): ReadRecord => {
    const start = offset
    const fixed = { name: name(), type: word(), class: word(), ttl: take(4).readUInt32BE(0) }
    return { ...fixed, data: take(word()), start }
  }
  const records = (count: number) => Array.from({ length: count }, record)
  const question = { name: name(), type: word() }
  word()
  const [first, second, third] = [6, 8, 10].map((at) => records(bytes.readUInt16BE(at)))
  const opcode = (bytes.readUInt16BE(2) >> 11) & 15
  return { bytes, id: bytes.readUInt16BE(0), opcode, ...question, sections: [first ?? [], second ?? [], third ?? []] }
}

export function readName(bytes: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = []
  let offset = start
  for (let length = bytes.readUInt8(offset); length !== 0; length = bytes.readUInt8(offset)) {
    if (length > 63) throw new Error('a compressed name')
    labels.push(bytes.toString('latin1', offset + 1, offset + 1 + length))
    offset += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: offset + 1 }
}

export function words(...values: number[]): Buffer {
  return Buffer.concat(values.map((value) => Buffer.from([value >> 8, value & 255])))
}

export function writeName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.')
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]),
    Buffer.from([0]),
  ])
}
