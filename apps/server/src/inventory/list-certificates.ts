import type { CertificateSort } from '@certctl/api'
import type { Services } from '../services.js'
import type { CertificateFilter } from '../store/certificate-filter.js'
import type { CertificateSortColumn, JsonPage } from '../store/certificate-list.js'
import type { PageRequest } from '../store/page.js'

const columns: Readonly<Record<CertificateSort['by'], CertificateSortColumn>> = {
  notAfter: 'expires_at',
  expiresAt: 'expires_at',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
  commonName: 'common_name',
  name: 'name',
  status: 'status',
  environment: 'environment',
}

/** What is asked for: filters, an order (the oldest first where none is), which part, and which fields. */
export interface CertificateListing {
  filter: Omit<CertificateFilter, 'now'>
  sort?: CertificateSort | undefined
  request: PageRequest
  fields?: readonly string[] | undefined
}

/** Managed certificates as the wire has them. */
export async function listCertificates(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { filter, sort = { by: 'createdAt', descending: false }, request, fields }: CertificateListing,
): Promise<JsonPage> {
  const order = { by: columns[sort.by], descending: sort.descending }
  return await store.certificateList.page({ filter: { ...filter, now: clock.now() }, order, request, fields })
}
