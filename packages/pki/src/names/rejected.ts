import { CertctlError } from '@certctl/core'

/** A refusal that quotes the name, made printable and short. */
export function rejected(kind: string, text: string, fault: string): CertctlError {
  const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
  return new CertctlError('identifier_rejected', `The ${kind} name ${shown} ${fault}`)
}
