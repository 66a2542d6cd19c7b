import type { Job } from '@certctl/api'
import type { JobFilter, JobRow } from '../store/jobs.js'

/** Jobs as the old server named them. Certificates' words are made where lists are read: `store/certificate-list.ts`. */
export function jobStatusOf({ state, outcome }: Pick<JobRow, 'state' | 'outcome'>): Job['status'] {
  if (state === 'done') return outcome === 'failed' || outcome === 'refused' ? 'Failed' : 'Completed'
  return open[state]
}

const open = {
  ready: 'Pending',
  waiting_csr: 'AwaitingCSR',
  waiting_approval: 'AwaitingApproval',
  active: 'Running',
  cancelled: 'Cancelled',
} as const

export function jobTypeOf({ kind, renewal }: Pick<JobRow, 'kind' | 'renewal'>): Job['type'] {
  if (kind === 'issue') return renewal ? 'Renewal' : 'Issuance'
  return types[kind]
}

const types = {
  deploy: 'Deployment',
  verify: 'Verification',
  test: 'Test',
  scan: 'Scan',
  challenge: 'Challenge',
  bulk: 'Bulk',
} as const

type Narrowed = Pick<JobFilter, 'states' | 'outcomes' | 'kinds' | 'renewal'>

/** The reverse: what to ask the rows for. */
export const jobStatusFilter: Readonly<Record<Job['status'], Narrowed>> = {
  Pending: { states: ['ready'] },
  AwaitingCSR: { states: ['waiting_csr'] },
  AwaitingApproval: { states: ['waiting_approval'] },
  Running: { states: ['active'] },
  Completed: { states: ['done'], outcomes: ['done', 'superseded'] },
  Failed: { states: ['done'], outcomes: ['failed', 'refused'] },
  Cancelled: { states: ['cancelled'] },
}

export const jobTypeFilter: Readonly<Record<Job['type'], Narrowed>> = {
  Issuance: { kinds: ['issue'], renewal: false },
  Renewal: { kinds: ['issue'], renewal: true },
  Deployment: { kinds: ['deploy'] },
  Validation: { kinds: ['verify'] },
  Verification: { kinds: ['verify'] },
  Test: { kinds: ['test'] },
  Scan: { kinds: ['scan'] },
  Challenge: { kinds: ['challenge'] },
  Bulk: { kinds: ['bulk'] },
}
