import { type GeneralName, isCertctlError } from '@certctl/core'
import { parseGeneralName, sameGeneralName } from '@certctl/pki'

/** Whether a common name is one of these names; free text is none. */
export function isNamed(commonName: string, names: readonly GeneralName[]): boolean {
  try {
    const name = parseGeneralName(commonName)
    return names.some((other) => sameGeneralName(name, other))
  } catch (error) {
    if (isCertctlError(error)) return false
    throw error
  }
}
