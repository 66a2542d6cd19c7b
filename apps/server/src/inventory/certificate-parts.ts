import type { Placement, Target } from '@certctl/api'
import type { Services } from '../services.js'
import type { Page, PageRequest } from '../store/page.js'
import type { VersionWithDer } from '../store/versions.js'
import { unknownCertificate } from './get-certificate.js'
import { targetViewer } from './list-targets.js'
import { placementView } from './placement-view.js'

/** Every certificate that was issued for it, newest first. Throws `not_found`, like all here. */
export async function listVersions(
  services: Services,
  id: string,
  request: PageRequest,
): Promise<Page<VersionWithDer>> {
  await requireCertificate(services, id)
  return await services.store.versions.page(id, request)
}

export async function listPlacements(services: Services, id: string): Promise<Placement[]> {
  await requireCertificate(services, id)
  const rows = await services.store.placements.listOfCertificate(id)
  return rows.map((row) => placementView(row, services.clock.now()))
}

/** What was revoked of it, newest first. */
export async function listRevocations(services: Services, id: string) {
  await requireCertificate(services, id)
  return await services.store.revocations.listOfCertificate(id)
}

/** Where it goes. */
export async function listCertificateTargets(services: Services, id: string): Promise<Target[]> {
  await requireCertificate(services, id)
  const placements = await services.store.placements.listOfCertificate(id)
  const rows = await services.store.targets.getMany(placements.map(({ target_id }) => target_id))
  const viewOf = await targetViewer(services, rows)
  const byId = new Map(rows.map((row) => [row.id, row]))
  return placements.flatMap(({ target_id }) => byId.get(target_id) ?? []).map(viewOf)
}

async function requireCertificate({ store }: Services, id: string): Promise<void> {
  if ((await store.certificates.get(id)) === undefined) throw unknownCertificate(id)
}
