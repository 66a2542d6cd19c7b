import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** What can be said of one finished HTTP request. The route is the pattern, never the path: labels stay few. */
export interface RequestSeen {
  method: string
  route: string
  status: number
  seconds: number
}

/** Numbers for Prometheus. Counters count what this copy did; gauges of rows are read from the database when somebody asks. */
export interface Metrics {
  requestSeen(request: RequestSeen): void
  /** One answer of a CA to `issue` or `poll` that ended an order. */
  issuanceEnded(issuance: { issuerType: string; outcome: 'issued' | 'failed'; seconds: number; code?: string }): void
  jobEnded(job: { kind: string; outcome: string }): void
  /** One attempt to keep an issuer's credentials alive. */
  issuerMaintained(maintenance: { issuerType: string; outcome: 'done' | 'failed' }): void
  deploymentEnded(deployment: { targetType: string; outcome: string }): void
  /** Runs before each answer to Prometheus; what it sets is in that answer. A failure is counted, and the rest is still answered. */
  beforeScrape(refresh: () => Promise<void>): void
  gauge(name: string, help: string, labels?: readonly string[]): Gauge
  readonly contentType: string
  text(): Promise<string>
}

const latencyBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const issuanceBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 86_400]

/** Names that dashboards of the old server know keep them. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const counters = createCounters(registry)
  const refreshes: (() => Promise<void>)[] = []
  const requests = new Map<string, { observe(seconds: number): void }>()
  /** Labels are looked up once each: they are few, and requests many. */
  const requestsOf = (method: string, route: string, status: number) => {
    const key = `${method} ${status} ${route}`
    const known = requests.get(key)
    if (known !== undefined) return known
    const labelled = counters.requests.labels({ method, route, status: String(status) })
    requests.set(key, labelled)
    return labelled
  }

  return {
    requestSeen: ({ method, route, status, seconds }) => requestsOf(method, route, status).observe(seconds),
    issuanceEnded({ issuerType, outcome, seconds, code }) {
      counters.issuances.inc({ issuer_type: issuerType, outcome })
      counters.issuanceSeconds.observe({ issuer_type: issuerType }, seconds)
      if (outcome === 'failed')
        counters.issuanceFailures.inc({ issuer_type: issuerType, error_class: code ?? 'internal' })
    },
    jobEnded({ kind, outcome }) {
      const counter = outcome === 'done' || outcome === 'superseded' ? counters.jobsCompleted : counters.jobsFailed
      counter.inc({ kind })
    },
    issuerMaintained: ({ issuerType, outcome }) => counters.maintenance.inc({ issuer_type: issuerType, outcome }),
    deploymentEnded: ({ targetType, outcome }) => counters.deployments.inc({ target_type: targetType, outcome }),
    beforeScrape: (refresh) => void refreshes.push(refresh),
    gauge: (name, help, labels = []) => new Gauge({ name, help, labelNames: [...labels], registers: [registry] }),
    contentType: registry.contentType,
    async text() {
      const outcomes = await Promise.allSettled(refreshes.map((refresh) => refresh()))
      counters.scrapeFailures.inc(outcomes.filter(({ status }) => status === 'rejected').length)
      return await registry.metrics()
    },
  }
}

function createCounters(registry: Registry) {
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name, help, labelNames, registers: [registry] })
  const histogram = (name: string, help: string, options: { labelNames: string[]; buckets: number[] }): Histogram =>
    new Histogram({ name, help, ...options, registers: [registry] })

  return {
    requests: histogram('certctl_http_request_duration_seconds', 'Time to answer a request, by route.', {
      labelNames: ['method', 'route', 'status'],
      buckets: latencyBuckets,
    }),
    issuances: counter('certctl_issuance_total', 'Orders that ended, by CA type and outcome.', [
      'issuer_type',
      'outcome',
    ]),
    issuanceSeconds: histogram('certctl_issuance_duration_seconds', 'From the first question to the certificate.', {
      labelNames: ['issuer_type'],
      buckets: issuanceBuckets,
    }),
    issuanceFailures: counter('certctl_issuance_failures_total', 'Orders that failed, by code.', [
      'issuer_type',
      'error_class',
    ]),
    jobsCompleted: counter('certctl_job_completed_total', 'Jobs that ended well.', ['kind']),
    jobsFailed: counter('certctl_job_failed_total', 'Jobs that ended badly.', ['kind']),
    maintenance: counter('certctl_issuer_maintenance_total', 'Renewals of credentials of CAs.', [
      'issuer_type',
      'outcome',
    ]),
    deployments: counter('certctl_deploy_attempts_total', 'Deployments reported by agents.', [
      'target_type',
      'outcome',
    ]),
    scrapeFailures: counter('certctl_scrape_failures_total', 'Gauges that could not be read for an answer.'),
  }
}
