import { operations } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import { parseBody } from '../../parse-body.js'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'
import { namedGiven, namedOf, namedOptions } from './named.js'
import { showCertificate } from './show-certificate.js'
import { tagsOf } from './tags-of.js'

const given = z.object({
  certificate: z.string(),
  name: z.string().optional(),
  san: z.array(z.string()).default([]),
  issuer: z.string().optional(),
  environment: z.string().optional(),
  keyAlgorithm: z.string().optional(),
  tag: z.array(z.string()).default([]),
  ...namedGiven,
})

export const certificatesUpdate = defineVerb({
  name: 'update',
  summary:
    'Changes what is given of a certificate; the rest stays. Other names, another issuer or key are a new issuance',
  examples: [
    'certctl certificates update www.example.com --owner o-ada --renewal-policy rp-web',
    'certctl certificates update cert-web --profile prof-web --tag cost-centre=17',
    'certctl certificates update cert-web --team ""',
    'certctl certificates update www.example.com --san www.example.com --san example.com',
  ],
  arguments: certificateArgument,
  options: {
    '--name <name>': 'New name for people',
    '--san <name>...': 'A name in it; those given are all of them, and the first is the common name',
    ...namedOptions,
    '--issuer <id>': 'Who issues it from now on',
    '--environment <name>': 'Such as production',
    '--key-algorithm <algorithm>': 'EC-P256, EC-P384, EC-P521, Ed25519, RSA-2048, RSA-3072 or RSA-4096',
    '--tag <key=value>...': 'A tag; its other tags stay, and one without a value goes',
  },
  given,
  run: async ({ certificate: known, tag, san, ...asked }, cli) => {
    const said = {
      name: asked.name,
      common_name: san[0],
      sans: san.length === 0 ? undefined : san,
      ...namedOf(asked),
      issuer_id: asked.issuer,
      environment: asked.environment,
      key_algorithm: asked.keyAlgorithm,
    }
    if (tag.length === 0 && Object.values(said).every((value) => value === undefined))
      throw new CertctlError('request_malformed', 'Nothing to change; give at least one option')
    const { id, tags: before } = await findCertificate(cli, known)
    const tags = tag.length === 0 ? undefined : merged(before, tagsOf(tag))
    const { body } = await cli.client().updateCertificate({
      params: { id },
      body: parseBody(operations.updateCertificate, { ...said, tags }),
    })
    showCertificate(body, cli)
  },
})

function merged(
  known: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries({ ...known, ...given }).filter(([, value]) => value !== ''))
}
