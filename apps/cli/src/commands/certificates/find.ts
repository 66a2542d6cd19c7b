import { type Certificate, idSchema } from '@certctl/api'
import { CertctlError, isCertctlError } from '@certctl/core'
import type { Cli } from '../../cli.js'

/** A certificate by its id, or by a name that only one has. */
export async function findCertificate(cli: Cli, idOrName: string): Promise<Certificate> {
  const client = cli.client()
  if (idSchema.safeParse(idOrName).success) {
    try {
      return (await client.getCertificate({ params: { id: idOrName } })).body
    } catch (error) {
      if (!isCertctlError(error) || error.code !== 'not_found') throw error
    }
  }
  const { body } = await client.listCertificates({ query: { name: idOrName, fields: 'id,status', per_page: 500 } })
  const [found, ...others] = body.data.filter(({ status }) => status !== 'Archived')
  if (found === undefined)
    throw new CertctlError('not_found', `There is no certificate with the id or name "${idOrName}"`)
  if (others.length > 0)
    throw new CertctlError(
      'conflict',
      `${1 + others.length} certificates have the name "${idOrName}"; say which by id: ${[found, ...others.slice(0, 9)].map(({ id }) => id).join(', ')}`,
    )
  return (await client.getCertificate({ params: { id: found.id } })).body
}

export const certificateArgument = { certificate: 'Id, or a name that only this certificate has' }
