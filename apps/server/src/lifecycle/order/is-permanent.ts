import type { ErrorCode } from '@certctl/core'

const permanent: readonly ErrorCode[] = ['csr_malformed', 'csr_rejected', 'identifier_rejected', 'policy_denied']

/** What nobody but a person or a change can put right, whoever says so: a CA, an agent, or we of a CSR. A renewal is tried all the same, seldom. */
export function isPermanent(code: string): boolean {
  return permanent.some((each) => each === code)
}
