import { element, oid, sequence } from '../../src/der/writer.js'
import { extension } from './certificate.js'
import { commonName } from './names.js'

export const general = {
  dns: (value: string) => element(0x82, Buffer.from(value, 'latin1')),
  email: (value: string) => element(0x81, Buffer.from(value, 'latin1')),
  uri: (value: string) => element(0x86, Buffer.from(value, 'latin1')),
  ip: (...octets: readonly number[]) => element(0x87, Uint8Array.from(octets)),
  upn: (value: string) =>
    element(0xa0, oid('1.3.6.1.4.1.311.20.2.3'), element(0xa0, element(0x0c, Buffer.from(value)))),
  directory: (value: string) => element(0xa4, commonName(value)),
} as const

export const altNames = (...names: readonly Uint8Array[]) => extension('2.5.29.17', sequence(...names))
