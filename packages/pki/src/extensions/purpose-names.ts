import { CertctlError } from '@certctl/core'
import { isOid } from '../der/oid-text.js'

/** Extended key usages by their RFC names (RFC 5280 §4.2.1.12 and registries since). */
export const purposeNames: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.4': 'emailProtection',
  '1.3.6.1.5.5.7.3.5': 'ipsecEndSystem',
  '1.3.6.1.5.5.7.3.6': 'ipsecTunnel',
  '1.3.6.1.5.5.7.3.7': 'ipsecUser',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
  '1.3.6.1.5.5.7.3.17': 'ipsecIKE',
  '1.3.6.1.5.5.7.3.36': 'documentSigning',
  '1.3.6.1.4.1.311.20.2.2': 'smartcardLogon',
  '1.3.6.1.5.2.3.5': 'kdc',
  '2.5.29.37.0': 'anyExtendedKeyUsage',
}

const byName = new Map(Object.entries(purposeNames).map(([oid, name]) => [name.toLowerCase(), oid]))

/** The identifier of an extended key usage given by name (any case) or identifier; throws `request_malformed` for anything else. */
export function purposeOid(nameOrOid: string): string {
  const oid = byName.get(nameOrOid.toLowerCase()) ?? nameOrOid
  if (isOid(oid)) return oid
  throw new CertctlError(
    'request_malformed',
    `"${nameOrOid.slice(0, 80)}" is not an extended key usage; write a name such as serverAuth, or an object identifier`,
  )
}
