import { operations } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import type { Cli } from '../../cli.js'
import { readCsr } from '../../config-input.js'
import { parseBody } from '../../parse-body.js'
import { defineVerb } from '../../verb.js'
import { waitForCertificate, waitGiven, waitOptions } from '../../wait/wait-for-certificate.js'
import { namedGiven, namedOf, namedOptions } from './named.js'
import { showCertificate } from './show-certificate.js'
import { tagsOf } from './tags-of.js'

const given = z.object({
  names: z.array(z.string()).default([]),
  target: z.array(z.string()).default([]),
  issuer: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  environment: z.string().optional(),
  ...namedGiven,
  keyAlgorithm: z.string().optional(),
  tag: z.array(z.string()).default([]),
  csr: z.string().optional(),
  ...waitGiven,
})

export const certificatesRequest = defineVerb({
  name: 'request',
  aliases: ['create'],
  summary: 'Asks for a certificate; it is issued, deployed to its targets and renewed from then on',
  examples: [
    'certctl certificates request www.example.com example.com --target web-1 --wait',
    'certctl certificates request 10.0.0.7 --target web-1 --target web-2 --issuer iss-local',
    'certctl certificates request --csr device.csr --name device-17',
  ],
  arguments: { '[names...]': 'DNS names, IP addresses, e-mail addresses or URIs; the first is the common name' },
  options: {
    '--target <id>...': 'Where to put it',
    '--issuer <id>': 'Who issues it; the default issuer where not given',
    '--id <id>': 'Its id; the server makes one where not given',
    '--name <name>': 'Its name for people; the first of its names where not given',
    '--environment <name>': 'Such as production',
    ...namedOptions,
    '--key-algorithm <algorithm>': 'EC-P256, EC-P384, EC-P521, Ed25519, RSA-2048, RSA-3072 or RSA-4096',
    '--tag <key=value>...': 'A tag',
    '--csr <file>': 'A CSR of a key that is kept elsewhere; - is standard input',
    ...waitOptions,
  },
  given,
  run: async (asked, cli) => {
    const { body } = await cli.client().createCertificate({ body: await bodyOf(asked, cli) })
    cli.say(`Certificate ${body.id} is asked for`)
    if (body.issuance !== undefined) cli.say(body.issuance.detail)
    if (!asked.wait) return showCertificate(body, cli)
    await waitForCertificate(cli, { certificate: body, timeoutSeconds: asked.timeout })
    showCertificate((await cli.client().getCertificate({ params: { id: body.id } })).body, cli)
  },
})

async function bodyOf(asked: z.output<typeof given>, cli: Cli) {
  const { names, csr } = asked
  if (names.length === 0 && csr === undefined)
    throw new CertctlError('request_malformed', 'Say at least one name, such as www.example.com, or --csr FILE')
  const said = {
    id: asked.id,
    name: asked.name,
    common_name: names[0],
    sans: names.length === 0 ? undefined : names,
    issuer_id: asked.issuer,
    environment: asked.environment,
    ...namedOf(asked),
    key_algorithm: asked.keyAlgorithm,
    target_ids: asked.target.length === 0 ? undefined : asked.target,
    tags: asked.tag.length === 0 ? undefined : tagsOf(asked.tag),
    csr_pem: csr === undefined ? undefined : await readCsr(csr, cli),
  }
  return parseBody(operations.createCertificate, said)
}
