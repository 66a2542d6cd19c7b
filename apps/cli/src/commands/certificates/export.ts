import { readFileSync, writeFileSync } from 'node:fs'
import { CertctlError, z } from '@certctl/core'
import type { Cli } from '../../cli.js'
import { fileFault } from '../../file-fault.js'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'

const parts = ['full', 'leaf', 'chain'] as const
const forms = ['pem', 'pkcs12', 'pkcs12-legacy'] as const

const given = z.object({
  certificate: z.string(),
  as: z.enum(forms, `must be one of ${forms.join(', ')}`).default('pem'),
  part: z.enum(parts, `must be one of ${parts.join(', ')}`).default('full'),
  agent: z.string().optional(),
  version: z.string().optional(),
  passwordFile: z.string().optional(),
  out: z.string().optional(),
})
type Given = z.output<typeof given>

export const certificatesExport = defineVerb({
  name: 'export',
  summary: 'Writes the current certificate and its chain; keys stay where they were made',
  examples: [
    'certctl certificates export www.example.com > site.pem',
    'certctl certificates export cert-1 --part chain --out chain.pem',
    'certctl certificates export cert-1 --as pkcs12 --password-file pass.txt --out trust.p12',
  ],
  arguments: certificateArgument,
  options: {
    '--as <form>': `${forms.join(', ')}; pem where not given. pkcs12 is a trust store, without a key`,
    '--part <part>': `Which part of PEM: ${parts.join(', ')}; full where not given`,
    '--agent <id>': 'The one whose key this agent holds; the newest where not given',
    '--version <id>': 'This version instead of the current one',
    '--password-file <file>': 'The first line of this file is the password of the PKCS #12 file; - is standard input',
    '--out <file>': 'A file for it instead of standard output',
  },
  given,
  run: async (asked, cli) => {
    const { id } = await findCertificate(cli, asked.certificate)
    await (asked.as === 'pem' ? exportPem(cli, id, asked) : exportPkcs12(cli, id, asked))
  },
})

async function exportPem(cli: Cli, id: string, { part, agent, version, out }: Given): Promise<void> {
  const query = { agent_id: agent, version_id: version }
  const { body } = await cli.client().exportCertificatePem({ params: { id }, query })
  if (typeof body === 'string')
    throw new CertctlError('upstream_protocol', 'The server answered with a file where JSON was asked for')
  if (cli.json) return cli.show(body, () => '')
  const pem = { full: body.full_pem, leaf: body.cert_pem, chain: body.chain_pem }[part]
  if (out === undefined) return cli.io.writeOut(pem.endsWith('\n') ? pem : `${pem}\n`)
  write(cli, out, () => writeFileSync(out, pem))
}

async function exportPkcs12(cli: Cli, id: string, asked: Given): Promise<void> {
  const { out, as: form, agent: agent_id, version: version_id } = asked
  if (out === undefined && !cli.json)
    throw new CertctlError('request_malformed', 'A PKCS #12 file is not text; say where it goes with --out FILE')
  const password = asked.passwordFile === undefined ? '' : await firstLine(asked.passwordFile, cli)
  const kind = form === 'pkcs12' ? ('modern' as const) : ('legacy' as const)
  const body = { password, format: kind, encoding: 'base64' as const, agent_id, version_id }
  const { body: made } = await cli.client().exportCertificatePkcs12({ params: { id }, body })
  if (out === undefined) return cli.show(made, () => '')
  write(cli, out, () => writeFileSync(out, Buffer.from(made.pkcs12_base64, 'base64'), { mode: 0o600 }))
}

async function firstLine(file: string, cli: Cli): Promise<string> {
  const text = file === '-' ? await cli.io.readStdin() : read(file)
  return (text.split('\n')[0] ?? '').replace(/\r$/, '')
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CertctlError('config_invalid', `${file} cannot be read: ${fileFault(cause)}`, { cause })
  }
}

function write(cli: Cli, out: string, doIt: () => void): void {
  try {
    doIt()
  } catch (cause) {
    throw new CertctlError('config_invalid', `${out} cannot be written: ${fileFault(cause)}`, { cause })
  }
  cli.say(`Written to ${out}`)
}
