import { CertctlError } from '@certctl/core'

/** One field of a request is wrong: 400, naming it. */
export function fieldFault(field: string, message: string, cause?: unknown): CertctlError {
  return new CertctlError('request_malformed', `${field}: ${message}`, { cause, errors: [{ field, message }] })
}
