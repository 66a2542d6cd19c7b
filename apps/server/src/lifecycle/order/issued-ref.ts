import type { IssuedRef } from '@certctl/core'
import { encodePem } from '@certctl/pki'
import type { VersionWithDer } from '../../store/versions.js'

/** A recorded version as connectors are told of it. */
export function issuedRef(version: VersionWithDer): IssuedRef {
  return {
    certificatePem: encodePem('CERTIFICATE', version.der),
    chainPem: version.chain_pem,
    serialNumber: version.serial_number,
    fingerprint: version.fingerprint,
    vendorRef: version.vendor_ref ?? undefined,
    orderId: version.order_id,
  }
}
