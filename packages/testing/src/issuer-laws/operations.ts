import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import type { IssuedRef, IssuerConnector, RevocationRequest } from '@certctl/core'
import { checkIssuedBy, parseCertificate, splitCertificates } from '@certctl/pki'
import { issuedRefOf } from '../issuance-request.js'
import type { IssuerProcess, IssuerScene } from '../issuer-scene.js'
import type { IssuerWorld } from '../issuer-world.js'
import type { Law } from '../law.js'
import { endingOf, obtain } from '../order-flow.js'
import { sweep } from '../sweep.js'

const never = new AbortController().signal
const always = ['issue', 'close']
/** These end a certificate's hold or belong to CAs; they are asked for in their own way. */
const specialReasons = ['certificateHold', 'removeFromCRL']

/** What it can do besides issuing. */
export const operationLaws: readonly Law<IssuerScene>[] = [
  {
    name: 'it offers exactly the operations it declares',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { connector } = scene.start(world)
        const offered = Object.entries(connector).filter(([, value]) => typeof value === 'function')
        const optional = offered.map(([name]) => name).filter((name) => !always.includes(name))
        assert.deepEqual(optional.sort(), [...scene.capabilities.operations].sort(), 'declared and implemented differ')
        assert.equal(typeof connector.issue, 'function', 'issue is missing')
        assert.notEqual(scene.capabilities.names.length, 0, 'it declares no kind of name')
        const revokes = scene.capabilities.operations.includes('revoke')
        assert.equal(scene.capabilities.revocationReasons.length > 0, revokes, 'reasons and revoke do not go together')
      }),
  },
  {
    name: 'revoking twice is revoking once, for every reason it declares',
    check: async (scene) => {
      if (!scene.capabilities.operations.includes('revoke')) return
      const reasons = scene.capabilities.revocationReasons.filter((reason) => !specialReasons.includes(reason))
      for (const reason of reasons) await scene.inWorld((world) => revokeTwice(scene, world, reason))
    },
  },
  {
    name: 'a lost answer to a revocation does not file it twice',
    check: (scene) => {
      if (!scene.capabilities.operations.includes('revoke')) return Promise.resolve()
      return sweep(['did not happen', 'answer lost', 'died'], (fault) =>
        scene.inWorld(async (world) => {
          const request = revocationOf(await certificateOf(scene, world), world.host.now())
          const before = (await world.revocations?.()) ?? 0
          const process = scene.start(world, { fault })
          const first = await endingOf(revokeWith(process.connector, request))
          if ('error' in first) await revokeWith(scene.start(world).connector, { ...request, attempt: 2 })
          if (world.revocations !== undefined)
            assert.equal((await world.revocations()) - before, 1, 'one revocation, but not one at the CA')
          return process.watch.reached && world.sweep !== false
        }),
      )
    },
  },
  {
    name: 'its CA certificates are those that issue, and testing orders nothing',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const certificate = parseCertificate((await certificateOf(scene, world)).certificatePem)
        const before = await world.issued?.()
        const { connector } = scene.start(world)
        await assertCaCertificates(connector, certificate)
        await assertAuthority(connector)
        await connector.test?.(never)
        await connector.maintain?.(never)
        assert.equal(await world.issued?.(), before, 'certificates were made')
      }),
  },
  {
    name: 'renewal information and budgets are sound',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const issued = await certificateOf(scene, world)
        const before = await world.issued?.()
        const { connector } = scene.start(world)
        const window = await connector.renewalInfo?.(issued, never)
        if (window !== undefined) assert.ok(window.windowStart <= window.windowEnd, 'the window ends before it begins')
        const [names = []] = scene.nameSets
        const budget = await connector.budget?.({ names, orders: 1, signal: never })
        if (budget !== undefined) assert.notEqual(budget.detail, '', 'the budget does not say why')
        assert.equal(await world.issued?.(), before, 'asking has ordered something')
      }),
  },
]

async function certificateOf(scene: IssuerScene, world: IssuerWorld): Promise<IssuedRef> {
  const { outcome, orderId } = await obtain(scene, world, { request: await scene.request(world) })
  return issuedRefOf({ ...outcome, orderId })
}

function revocationOf(certificate: IssuedRef, firstAskedAt: Date): RevocationRequest {
  return {
    id: '00000000-0000-4000-8000-000000000001',
    attempt: 1,
    firstAskedAt,
    certificate,
    reason: 'unspecified',
    reasonText: 'asked for by a law',
    signal: never,
  }
}

type Revoking = Pick<IssuerProcess['connector'], 'revoke'>

async function revokeWith({ revoke }: Revoking, request: RevocationRequest) {
  assert.ok(revoke !== undefined, 'revoke is declared and missing')
  return await revoke(request)
}

async function revokeTwice(scene: IssuerScene, world: IssuerWorld, reason: RevocationRequest['reason']): Promise<void> {
  const request = { ...revocationOf(await certificateOf(scene, world), world.host.now()), reason }
  const first = await revokeWith(scene.start(world).connector, request)
  const reference = first.status === 'requested' ? first.reference : undefined
  const again = await endingOf(revokeWith(scene.start(world).connector, { ...request, attempt: 2, reference }))
  assert.ok('value' in again, `revoking again with ${reason} fails: ${'text' in again ? again.text : ''}`)
  if (first.status === 'confirmed')
    assert.equal(again.value.status, 'confirmed', 'what was confirmed is only requested when asked again')
  if (world.revocations !== undefined) assert.equal(await world.revocations(), 1, 'it was filed more than once')
}

async function assertCaCertificates(
  connector: IssuerConnector,
  issued: ReturnType<typeof parseCertificate>,
): Promise<void> {
  if (connector.caCertificates === undefined) return
  const certificates = (await connector.caCertificates(never)).map((pem) => parseCertificate(pem))
  const [first] = certificates
  assert.ok(first !== undefined, 'it knows no CA certificate')
  assert.ok(
    certificates.every(({ isCa }) => isCa),
    'not all of them are certificates of CAs',
  )
  assert.ok(checkIssuedBy(issued, first), 'the first CA certificate has not issued the certificate')
}

async function assertAuthority(connector: IssuerConnector): Promise<void> {
  const authority = await connector.authority?.()
  if (authority === undefined) return
  const [pem = ''] = splitCertificates(authority.certificatePem)
  const message = new TextEncoder().encode('to be signed')
  const { signature } = await authority.sign(message)
  const key = createPublicKey(pem)
  const digests = authority.keyAlgorithm === 'Ed25519' ? [null] : ['sha256', 'sha384', 'sha512']
  const fits = digests.some((digest) => verify(digest, message, key, signature))
  assert.ok(
    fits || authority.keyAlgorithm === 'ML-DSA',
    'what the authority signs does not verify under its certificate',
  )
}
