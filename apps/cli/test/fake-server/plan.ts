import type { Plan } from '@certctl/api'

/** A small inventory of which two things go wrong; under another lifetime, a CA that says no. */
export function planOf(lifetime: string | undefined): Plan {
  const base = {
    from: '2026-01-31T12:00:00.000Z',
    to: '2026-03-02T12:00:00.000Z',
    targets_total: 21,
    warnings_total: 2,
  }
  const warnings: Plan['warnings'] = [
    {
      kind: 'by_hand',
      certificate_id: 'cert-7',
      certificate_name: 'shop.example.test',
      ends_at: '2026-02-10T00:00:00.000Z',
      message: 'Nobody renews it by itself: its policy rp-hand leaves renewals to people',
      command: 'certctl certificates renew cert-7',
    },
    {
      kind: 'agent_silent',
      certificate_id: 'cert-8',
      certificate_name: 'mail.example.test',
      agent_id: 'agent-mail',
      ends_at: '2026-02-20T00:00:00.000Z',
      message: 'Its renewal is due at 2026-02-05T00:00:00.000Z, and agent mail was never heard of',
      command: 'certctl agents show agent-mail',
    },
  ]
  const targets = Array.from({ length: 21 }, (_, index) => ({
    id: `web-${index + 1}`,
    name: `web-${index + 1}`,
    agent_id: 'agent-web',
    deployments: 4,
    most_a_day: 2,
  }))
  if (lifetime !== undefined)
    return {
      ...base,
      lifetime_seconds: Number.parseInt(lifetime, 10) * (lifetime.endsWith('h') ? 3600 : 86_400),
      renewals: 90,
      deployments: 90,
      days: [{ date: '2026-01-31', renewals: 90, deployments: 90, issuers: { 'iss-acme': 90 } }],
      issuers: [
        {
          id: 'iss-acme',
          name: 'ACME',
          metered: true,
          renewals: 90,
          most_a_day: 90,
          fits: false,
          limits: '50 certificates a week for example.test',
        },
      ],
      targets: [],
      targets_total: 0,
      warnings: [],
      warnings_total: 0,
    }
  return {
    ...base,
    renewals: 6,
    deployments: 9,
    days: [
      { date: '2026-01-31', renewals: 4, deployments: 6, issuers: { 'iss-acme': 1, 'iss-local': 3 } },
      { date: '2026-02-14', renewals: 2, deployments: 2, issuers: { 'iss-local': 2 } },
      { date: '2026-02-21', renewals: 0, deployments: 1, issuers: {} },
    ],
    issuers: [
      { id: 'iss-local', name: 'Local', metered: false, renewals: 5, most_a_day: 3 },
      { id: 'iss-acme', name: 'ACME', metered: true, renewals: 1, most_a_day: 1, fits: true, limits: '49 of 50 left' },
    ],
    targets,
    warnings,
  }
}
