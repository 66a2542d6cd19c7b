import { CertctlError, type GeneralName, isCertctlError } from '@certctl/core'
import { parseGeneralName } from '@certctl/pki'

/** The names a certificate is asked for with, canonical and once each: the common name, which is one of them, in front. Throws `identifier_rejected`, naming the field. */
export function certificateNamesOf(asked: {
  commonName: string | undefined
  sans: readonly string[]
}): readonly GeneralName[] {
  const texts = asked.sans.map((text, index) => ({ text, field: `sans.${index}` }))
  const { commonName = '' } = asked
  const all = commonName === '' ? texts : [{ text: commonName, field: 'common_name' }, ...texts]
  const names = all.map(({ text, field }) => parsed(text, field))
  const seen = new Set<string>()
  return names.filter(({ type, value }) => !seen.has(`${type}:${value}`) && seen.add(`${type}:${value}`))
}

function parsed(text: string, field: string): GeneralName {
  try {
    return parseGeneralName(text)
  } catch (cause) {
    if (!isCertctlError(cause)) throw cause
    throw new CertctlError('identifier_rejected', `${field}: ${cause.message}`, {
      cause,
      errors: [{ field, message: cause.message }],
    })
  }
}
