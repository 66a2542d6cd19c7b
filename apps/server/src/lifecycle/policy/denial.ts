import { CertctlError } from '@certctl/core'
import type { Profile } from './default-profile.js'

/** A refusal by a profile: which field of the request, what is wrong with it, what the profile says and what would be right. */
export function denial(
  profile: Pick<Profile, 'id'>,
  { field, fault, remedy }: { field: string; fault: string; remedy: string },
): CertctlError {
  return new CertctlError('policy_denied', `${field}: ${fault} by profile ${profile.id}; ${remedy}`, {
    errors: [{ field, message: `${fault} by profile ${profile.id}; ${remedy}` }],
  })
}
