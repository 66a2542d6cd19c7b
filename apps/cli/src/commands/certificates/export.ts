import { writeFileSync } from 'node:fs'
import { CertctlError, z } from '@certctl/core'
import { fileFault } from '../../file-fault.js'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'

const parts = ['full', 'leaf', 'chain'] as const

export const certificatesExport = defineVerb({
  name: 'export',
  summary: 'Writes the current certificate and its chain as PEM; keys stay where they were made',
  examples: [
    'certctl certificates export www.example.com > site.pem',
    'certctl certificates export cert-1 --part chain --out chain.pem',
  ],
  arguments: certificateArgument,
  options: {
    '--part <part>': `Which part: ${parts.join(', ')}; full where not given`,
    '--out <file>': 'A file for it instead of standard output',
  },
  given: z.object({
    certificate: z.string(),
    part: z.enum(parts, `must be one of ${parts.join(', ')}`).default('full'),
    out: z.string().optional(),
  }),
  run: async ({ certificate: asked, part, out }, cli) => {
    const { id } = await findCertificate(cli, asked)
    const { body } = await cli.client().exportCertificatePem({ params: { id } })
    if (typeof body === 'string')
      throw new CertctlError('upstream_protocol', 'The server answered with a file where JSON was asked for')
    if (cli.json) return cli.show(body, () => '')
    const pem = { full: body.full_pem, leaf: body.cert_pem, chain: body.chain_pem }[part]
    if (out === undefined) return cli.io.writeOut(pem.endsWith('\n') ? pem : `${pem}\n`)
    try {
      writeFileSync(out, pem)
    } catch (cause) {
      throw new CertctlError('config_invalid', `${out} cannot be written: ${fileFault(cause)}`, { cause })
    }
    cli.say(`Written to ${out}`)
  },
})
