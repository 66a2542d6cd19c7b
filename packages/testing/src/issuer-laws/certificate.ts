import assert from 'node:assert/strict'
import { type IssuanceRequest, isCertctlError } from '@certctl/core'
import {
  buildChain,
  type Certificate,
  checkIssuedBy,
  formatGeneralName,
  parseCertificate,
  parseCsr,
  sameNames,
  splitCertificates,
} from '@certctl/pki'
import type { IssuerScene } from '../issuer-scene.js'
import type { IssuerWorld } from '../issuer-world.js'
import type { Law } from '../law.js'
import { endingOf, obtain } from '../order-flow.js'

/** What comes back from the CA. */
export const certificateLaws: readonly Law<IssuerScene>[] = [
  {
    name: 'the certificate holds the key of the CSR',
    check: (scene) =>
      scene.inWorld(async (world) => {
        for (let order = 1; order <= 2; order += 1) {
          const request = await scene.request(world)
          const { certificate } = await issued(scene, world, request)
          assert.equal(certificate.spkiSha256, parseCsr(request.csrPem).publicKey.spkiSha256, 'the key is another one')
        }
      }),
  },
  {
    name: 'the certificate holds the approved names and no other, also where the CSR asks for more',
    check: (scene) =>
      scene.inWorld(async (world) => {
        for (const names of scene.nameSets) {
          const { certificate } = await issued(scene, world, await scene.request(world, { names }))
          assertNames(certificate, names)
        }
        const [names = []] = scene.nameSets
        const csrNames = [...names, { type: 'dns', value: 'not-approved.example.test' } as const]
        const request = await scene.request(world, { names, csrNames })
        const ending = await endingOf(obtain(scene, world, { request }))
        // Refusing what does not fit together is as good as leaving the name out.
        if ('value' in ending) assertNames(parseCertificate(ending.value.outcome.certificatePem), names)
      }),
  },
  {
    name: 'serial numbers are positive and differ',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const serials: string[] = []
        for (let order = 1; order <= 3; order += 1) {
          const { certificate } = await issued(scene, world, await scene.request(world))
          assert.match(certificate.serialNumber, /^[0-9a-f]{1,40}$/, 'not positive and at most twenty octets')
          assert.notEqual(BigInt(`0x${certificate.serialNumber}`), 0n, 'the serial number is zero')
          serials.push(certificate.serialNumber)
        }
        assert.equal(new Set(serials).size, serials.length, `serial numbers repeat: ${serials.join(', ')}`)
      }),
  },
  {
    name: 'the chain leads from the certificate to the CA',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { certificate, chainPem, process } = await issued(scene, world, await scene.request(world))
        const chain = splitCertificates(chainPem)
        const leaf = chain.some((pem) => parseCertificate(pem).fingerprint === certificate.fingerprint)
        assert.ok(!leaf, 'the chain contains the certificate itself')
        const known = (await process.connector.caCertificates?.(new AbortController().signal)) ?? []
        const built = buildChain(certificate.pem, [...chain, ...known])
        const issuers = [...splitCertificates(built.chainPem), ...(built.rootPem === undefined ? [] : [built.rootPem])]
        const [first] = issuers
        assert.ok(first !== undefined, 'nothing in the chain has issued the certificate')
        assert.ok(checkIssuedBy(certificate, parseCertificate(first)), 'the first of the chain has not signed it')
      }),
  },
  {
    name: 'what it declares to honour is in the certificate',
    check: async (scene) => {
      for (const wish of scene.capabilities.honours) await scene.inWorld((world) => assertHonoured(scene, world, wish))
    },
  },
  {
    name: 'two orders at once are two certificates',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const requests = await Promise.all([scene.request(world), scene.request(world)])
        const both = await Promise.all(requests.map((request) => issued(scene, world, request)))
        const keys = requests.map((request) => parseCsr(request.csrPem).publicKey.spkiSha256)
        assert.deepEqual(
          both.map(({ certificate }) => certificate.spkiSha256),
          keys,
          'the answers are mixed up',
        )
        assert.equal(new Set(both.map(({ certificate }) => certificate.serialNumber)).size, 2, 'serial numbers repeat')
      }),
  },
]

async function issued(scene: IssuerScene, world: IssuerWorld, request: IssuanceRequest) {
  const { outcome, processes } = await obtain(scene, world, { request })
  assert.ok(
    outcome.certificatePem.includes('-----BEGIN CERTIFICATE-----'),
    'it answers valid and brings no certificate',
  )
  const process = processes.at(-1) ?? scene.start(world)
  return { certificate: parseCertificate(outcome.certificatePem), chainPem: outcome.chainPem, process }
}

function assertNames(certificate: Certificate, names: IssuanceRequest['names']): void {
  const { missing, extra } = sameNames(names, certificate.names)
  assert.deepEqual(missing.map(formatGeneralName), [], 'approved names are missing')
  assert.deepEqual(extra.map(formatGeneralName), [], 'names that were not approved are in it')
}

type Wish = IssuerScene['capabilities']['honours'][number]

const wishes: Readonly<Record<Wish, (now: Date) => Partial<IssuanceRequest>>> = {
  subject: () => ({ subject: [{ type: 'O', value: 'Example Works' }] }),
  notAfter: (now) => ({ notAfter: new Date(Math.floor(now.getTime() / 1000 + 10 * 86_400) * 1000) }),
  keyUsages: () => ({ keyUsages: ['digitalSignature'] }),
  extendedKeyUsages: () => ({ extendedKeyUsages: ['serverAuth', 'clientAuth'] }),
  mustStaple: () => ({ mustStaple: true }),
}

const granted: Readonly<Record<Wish, (certificate: Certificate, wish: Partial<IssuanceRequest>) => boolean>> = {
  subject: (certificate) => certificate.subjectText.includes('Example Works'),
  notAfter: (certificate, { notAfter = new Date(0) }) => certificate.notAfter.getTime() <= notAfter.getTime(),
  keyUsages: (certificate) => certificate.keyUsages.join() === 'digitalSignature',
  extendedKeyUsages: (certificate) => [...certificate.extendedKeyUsages].sort().join() === 'clientAuth,serverAuth',
  mustStaple: (certificate) => certificate.mustStaple,
}

async function assertHonoured(scene: IssuerScene, world: IssuerWorld, wish: Wish): Promise<void> {
  const asked = wishes[wish](world.host.now())
  const ending = await endingOf(issued(scene, world, await scene.request(world, asked)))
  if ('error' in ending) {
    assert.ok(isCertctlError(ending.error), `${wish}: ${ending.text}`)
    assert.fail(`it declares to honour ${wish} and refuses: ${ending.text}`)
  }
  assert.ok(granted[wish](ending.value.certificate, asked), `${wish} is not in the certificate as asked`)
}
