import { reply } from '@certctl/api'

/** An inventory in numbers, on a day in January. */
export function statsHandlers() {
  const day = (date: string, count: number) => ({ date, count })
  return {
    getStatsSummary: async () =>
      reply(200, {
        total_certificates: 1204,
        expiring_certificates: 3,
        expired_certificates: 1,
        revoked_certificates: 0,
        active_agents: 7,
        offline_agents: 1,
        total_agents: 8,
        pending_jobs: 2,
        failed_jobs: 4,
        complete_jobs: 3100,
        notifications_dead: 0,
        completed_at: '2026-01-31T12:00:00.000Z',
      }),
    listCertificatesByStatus: async () =>
      reply(200, [
        { status: 'Active' as const, count: 1200 },
        { status: 'Expiring' as const, count: 3 },
        { status: 'Expired' as const, count: 1 },
      ]),
    listExpirationTimeline: async () =>
      reply(200, [day('2026-01-31', 0), day('2026-02-01', 2), day('2026-02-02', 0), day('2026-02-03', 1)]),
    listJobTrends: async () =>
      reply(200, [
        { date: '2026-01-30', completed_count: 12, failed_count: 4, success_rate: 75 },
        { date: '2026-01-31', completed_count: 0, failed_count: 0, success_rate: 0 },
      ]),
    listIssuanceRate: async () =>
      reply(200, [
        { date: '2026-01-30', issued_count: 6 },
        { date: '2026-01-31', issued_count: 0 },
      ]),
  }
}
