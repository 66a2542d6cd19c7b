interface Payloads {
  A: { address: string }
  AAAA: { address: string }
  CNAME: { target: string }
  NS: { target: string }
  SOA: { primary: string; serial: number }
  TXT: { value: string }
  CAA: { isCritical: boolean; tag: string; value: string }
  DS: { keyTag: number; algorithm: number; digestType: number; digest: string }
  DNSKEY: { keyTag: number; algorithm: number; isZoneKey: boolean; digests: Readonly<Record<number, string>> }
}

export type RecordType = keyof Payloads
/** Names in lower case, without final dot; digests in lower-case hex, by digest type (RFC 4034, RFC 4509, RFC 6605). */
export type DnsRecord = { [K in RecordType]: { type: K; name: string; ttlSeconds: number } & Payloads[K] }[RecordType]
export type RecordOf<T extends RecordType> = Extract<DnsRecord, { type: T }>

export type DnsReply =
  | {
      state: 'answered'
      /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED` … */
      code: string
      isAuthoritative: boolean
      answers: readonly DnsRecord[]
      authorities: readonly DnsRecord[]
      additionals: readonly DnsRecord[]
    }
  | { state: 'silent'; reason: string }
  /** It may not be asked, or there is no way to it from here: this says nothing about it. */
  | { state: 'unseen'; reason: string }

/** Records of one type. */
export function ofType<T extends RecordType>(records: readonly DnsRecord[], type: T): RecordOf<T>[] {
  return records.filter((record): record is RecordOf<T> => record.type === type)
}

/** Whether a name lies in a zone, or is its own. */
export function isIn(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`)
}

/** How many labels a name has; the root has none. */
export function labelCount(name: string): number {
  return name === '' ? 0 : name.split('.').length
}

/** What a record says, in a form that is equal for equal content. */
export function contentOf(record: DnsRecord): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return record.address
    case 'CNAME':
    case 'NS':
      return record.target
    case 'SOA':
      return String(record.serial)
    case 'TXT':
      return JSON.stringify(record.value)
    case 'CAA':
      return `${record.isCritical ? 128 : 0} ${record.tag} ${JSON.stringify(record.value)}`
    case 'DS':
      return `${record.keyTag} ${record.algorithm} ${record.digestType} ${record.digest}`
    case 'DNSKEY':
      return `${record.keyTag} ${record.algorithm}`
  }
}
