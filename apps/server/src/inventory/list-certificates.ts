import type { CertificateSort } from '@certctl/api'
import type { Services } from '../services.js'
import type { CertificateFilter, CertificateSortColumn, ListedCertificate } from '../store/certificate-list.js'
import type { Page, PageRequest } from '../store/page.js'

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

/** Managed certificates, the oldest first where no order is asked for. */
export async function listCertificates(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  {
    filter,
    sort = { by: 'createdAt', descending: false },
    request,
  }: { filter: Omit<CertificateFilter, 'now'>; sort?: CertificateSort | undefined; request: PageRequest },
): Promise<Page<ListedCertificate>> {
  const order = { by: columns[sort.by], descending: sort.descending }
  return await store.certificateList.page({ ...filter, now: clock.now() }, order, request)
}
