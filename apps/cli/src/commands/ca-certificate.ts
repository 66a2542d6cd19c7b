import { writeFileSync } from 'node:fs'
import { CertctlError, z } from '@certctl/core'
import { fileFault } from '../file-fault.js'
import { defineVerb } from '../verb.js'

export const issuersCaCertificate = defineVerb({
  name: 'ca-certificate',
  summary: 'Writes the certificates of a CA as PEM, for those who must trust it',
  examples: [
    'certctl issuers ca-certificate iss-local > ca.pem',
    'certctl issuers ca-certificate iss-local --root --out root.pem',
  ],
  arguments: { id: 'Id of the issuer' },
  options: {
    '--root': 'Only the trust anchor, where the CA gives it',
    '--out <file>': 'A file instead of standard output',
  },
  given: z.object({ id: z.string(), root: z.boolean().default(false), out: z.string().optional() }),
  run: async ({ id, root, out }, cli) => {
    const { body } = await cli.client().listCaCertificates({ params: { id } })
    if (cli.json) return cli.show(body, () => '')
    const anchor = body.certificates.find((certificate) => certificate.self_signed)
    if (root && anchor === undefined)
      throw new CertctlError('not_found', `The CA of ${id} does not give its root; ask whoever runs it`)
    const pem = root ? (anchor?.pem ?? '') : body.pem
    if (out === undefined) return cli.io.writeOut(pem)
    try {
      writeFileSync(out, pem)
    } catch (cause) {
      throw new CertctlError('config_invalid', `${out} cannot be written: ${fileFault(cause)}`, { cause })
    }
    cli.say(`Written to ${out}`)
  },
})
