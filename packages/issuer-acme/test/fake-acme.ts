import { type KeyObject, randomBytes } from 'node:crypto'
import type { GeneralName, JsonValue } from '@certctl/core'
import { parseCertificate, parseCsr, sameNames } from '@certctl/pki'
import { createTestCa, type HttpAnswer, type SeenRequest, type TestCa } from '@certctl/testing'
import {
  errorType,
  isSigned,
  type Jws,
  keyOf,
  type Payload,
  Refusal,
  readJws,
  requireBinding,
  thumbprintOf,
} from './fake-jws.js'
import { certIdOf, isAnswered, type Outside } from './fake-outside.js'
import { type FakeSwitches, persistOf } from './fake-switches.js'

interface FakeOrder {
  id: string
  account: string
  names: GeneralName[]
  status: string
  authorizations: string[]
  polls: number
  replaces?: string
  chain?: string
}
interface FakeAuthorization {
  account: string
  name: GeneralName
  isWildcard: boolean
  status: string
  challenges: { id: string; type: string; token: string; status: string; left?: number; error?: JsonValue }[]
}
interface FakeAccount {
  key: KeyObject
  thumbprint: string
  status: string
  contact: JsonValue
}

export interface FakeAcme {
  readonly directoryUrl: string
  switches: FakeSwitches
  readonly seen: { method: string; path: string; payload: JsonValue | undefined }[]
  issued(): number
  revocations(): number
  orders(): readonly FakeOrder[]
  /** Accounts and all else are gone. */
  forget(): void
  answer(request: SeenRequest): Promise<HttpAnswer>
}

const usualOrigin = 'https://acme.example.test'
/** One for all: what is told apart is the orders, and keys take time. */
let made: Promise<TestCa> | undefined

/**
 * An ACME server (RFC 8555, RFC 9773) on a clock that the test moves, compared with Pebble 2.10.1 where that does the same. Every signature, nonce and
 * address is checked; challenges are really looked up. It has what Pebble has not: limits, terms that change, foreign addresses, reuse of orders, ARI's odd answers.
 */
export async function createFakeAcme(
  outside: Outside,
  initial: FakeSwitches = {},
  origin = usualOrigin,
): Promise<FakeAcme> {
  made ??= createTestCa()
  const ca = await made
  const self = { switches: initial, ids: 0, nonceUses: 0 }
  const nonces = new Set<string>()
  const accounts = new Map<string, FakeAccount>()
  const orders = new Map<string, FakeOrder>()
  const authorizations = new Map<string, FakeAuthorization>()
  const certificates = new Map<string, { order: FakeOrder; isRevoked: boolean; isReplaced: boolean }>()
  const seen: FakeAcme['seen'] = []
  let revocations = 0

  const newId = () => String(++self.ids)
  const newNonce = () => {
    const nonce = randomBytes(12).toString('base64url')
    nonces.add(nonce)
    return nonce
  }
  const directory = (): JsonValue => {
    const { profiles, termsOfService, macKey, renewalInfo } = self.switches
    return {
      newNonce: `${origin}/nonce`,
      newAccount: `${origin}/new-account`,
      newOrder: `${origin}/new-order`,
      revokeCert: `${origin}/revoke`,
      keyChange: `${origin}/key-change`,
      ...(renewalInfo === 'none' ? {} : { renewalInfo: `${origin}/ari` }),
      meta: { profiles, termsOfService, externalAccountRequired: macKey !== undefined },
      [randomBytes(4).toString('hex')]: 'https://community.example.test/why-is-this-here',
    }
  }

  const orderBody = (order: FakeOrder): JsonValue => ({
    status: self.switches.orderState ?? order.status,
    expires: new Date(outside.now().getTime() + 86_400_000).toISOString(),
    // Sorted, as Let's Encrypt gives them.
    identifiers: order.names.map(({ type, value }) => ({ type, value })).sort((a, b) => a.value.localeCompare(b.value)),
    authorizations: order.authorizations.map((id) => `${origin}/authz/${id}`),
    finalize: `${origin}/finalize/${order.id}`,
    ...(order.status === 'valid' ? { certificate: `${origin}/cert/${order.id}` } : {}),
    ...(order.status === 'invalid'
      ? { error: { type: errorType('unauthorized'), detail: self.switches.orderDetail ?? 'it went wrong' } }
      : {}),
  })

  const refresh = (order: FakeOrder): void => {
    for (const id of order.authorizations) {
      const authorization = find(authorizations, id)
      for (const challenge of authorization.challenges) challenge.left = (challenge.left ?? 0) - 1
      validate(authorization, find(accounts, order.account).thumbprint)
    }
    const states = order.authorizations.map((id) => authorizations.get(id)?.status)
    if (order.status === 'pending' && states.every((state) => state === 'valid')) order.status = 'ready'
    if (order.status === 'pending' && states.some((state) => state !== 'valid' && state !== 'pending'))
      order.status = 'invalid'
    if (order.status === 'processing' && --order.polls < 0)
      order.status = self.switches.failsSigning ? 'invalid' : 'valid'
  }

  const authorizationBody = (id: string): JsonValue => {
    const { name, isWildcard, status, challenges } = find(authorizations, id)
    const all = challenges.map(({ id: challenge, type, token, status, error }) => ({
      type,
      status,
      url: `${origin}/chall/${challenge}`,
      ...(type === 'dns-persist-01' ? persistOf(self.switches) : { token }),
      ...(error === undefined ? {} : { error }),
    }))
    const shuffled = self.ids % 2 === 0 ? all : all.reverse()
    const { authorizes: value = name.value } = self.switches
    return { status, identifier: { ...name, value }, ...(isWildcard ? { wildcard: true } : {}), challenges: shuffled }
  }

  const createAuthorization = (account: string, { type, value }: GeneralName): string => {
    const isWildcard = value.startsWith('*.')
    const offered =
      self.switches.offers ??
      (isWildcard ? ['dns-01'] : type === 'ip' ? ['http-01', 'tls-alpn-01'] : ['http-01', 'dns-01', 'tls-alpn-01'])
    const kinds = self.switches.preValidated ? ['sectigo-email-01'] : offered
    const challenges = kinds.map((kind) => ({
      id: newId(),
      type: kind,
      token: randomBytes(16).toString('base64url'),
      status: 'pending',
    }))
    const id = newId()
    const status = self.switches.preValidated ? 'valid' : 'pending'
    const name: GeneralName = { type, value: value.replace(/^\*\./, '') } as GeneralName
    authorizations.set(id, { account, name, isWildcard, status, challenges })
    return id
  }

  const newOrder = (account: string, payload: Payload): HttpAnswer => {
    const { refuseOrders, reusesOrders, profiles, orderHost } = self.switches
    if (refuseOrders)
      throw new Refusal(refuseOrders.type, refuseOrders.status, refuseOrders.detail, refuseOrders.headers)
    const names = (payload.identifiers as GeneralName[]).map(({ type, value }) => ({ type, value }) as GeneralName)
    if (payload.profile !== undefined && profiles?.[String(payload.profile)] === undefined)
      throw new Refusal('invalidProfile', 400)
    const replaced = payload.replaces === undefined ? undefined : certificates.get(String(payload.replaces))
    if (payload.replaces !== undefined && replaced === undefined)
      throw new Refusal('malformed', 404, 'unknown certificate')
    if (replaced?.isReplaced) throw new Refusal('alreadyReplaced', 409)
    const same = [...orders.values()].find(
      (other) =>
        other.account === account &&
        ['pending', 'ready'].includes(other.status) &&
        sameNames(names, other.names).missing.length === 0,
    )
    const order = reusesOrders && same !== undefined ? same : makeOrder(account, names)
    if (replaced !== undefined) replaced.isReplaced = true
    const location = `${orderHost ?? origin}/order/${order.id}`
    return { status: 201, headers: { location }, json: orderBody(order) }
  }

  const makeOrder = (account: string, names: GeneralName[]): FakeOrder => {
    const made = names.map((name) => createAuthorization(account, name))
    const order: FakeOrder = { id: newId(), account, names, status: 'pending', authorizations: made, polls: 0 }
    orders.set(order.id, order)
    refresh(order)
    return order
  }

  const validate = (authorization: FakeAuthorization, thumbprint: string): void => {
    const challenge = authorization.challenges.find(({ status }) => status === 'processing')
    if (challenge === undefined || (challenge.left ?? 0) > 0) return
    const isRight = isAnswered(outside, { value: authorization.name.value, challenge, thumbprint })
    challenge.status = isRight ? 'valid' : 'invalid'
    authorization.status = challenge.status
    if (!isRight) challenge.error = { type: errorType('unauthorized'), detail: 'Something\nelse answers' }
  }

  const answerChallenge = (id: string, account: FakeAccount): HttpAnswer => {
    const authorization = [...authorizations.values()].find(({ challenges }) => challenges.some((one) => one.id === id))
    const challenge = authorization?.challenges.find((one) => one.id === id)
    if (authorization === undefined || challenge === undefined) throw new Refusal('malformed', 404)
    const { refuseChallenges: refusal } = self.switches
    if (refusal) throw new Refusal(refusal.type, refusal.status, refusal.detail, refusal.headers)
    if (challenge.status !== 'pending') throw new Refusal('malformed', 400, 'the challenge was answered before')
    challenge.status = 'processing'
    challenge.left = self.switches.validationPolls ?? 0
    validate(authorization, account.thumbprint)
    return {
      status: 200,
      json: { type: challenge.type, status: challenge.status, url: `${origin}/chall/${id}`, token: challenge.token },
    }
  }

  const finalize = async (id: string, payload: Payload): Promise<HttpAnswer> => {
    const order = find(orders, id)
    refresh(order)
    if (order.status !== 'ready') throw new Refusal('orderNotReady', 403)
    if (self.switches.refuseCsr !== undefined) throw new Refusal(self.switches.refuseCsr, 400)
    const csr = parseCsr(Buffer.from(String(payload.csr), 'base64url'))
    const { missing, extra } = sameNames(order.names, csr.names)
    if (missing.length + extra.length > 0) throw new Refusal('badCSR', 400)
    const leaf = await ca.sign(csr.pem, { names: order.names })
    order.chain = leaf + ca.intermediatePem
    order.status = 'processing'
    order.polls = self.switches.processingPolls ?? 1
    certificates.set(certIdOf(leaf), { order, isRevoked: false, isReplaced: false })
    return { status: 200, headers: { 'retry-after': '3' }, json: orderBody(order) }
  }

  const revoke = (account: string, payload: Payload): HttpAnswer => {
    const pem = parseCertificate(Buffer.from(String(payload.certificate), 'base64url')).pem
    const found = certificates.get(certIdOf(pem))
    if (found === undefined) throw new Refusal('malformed', 404)
    const proven = (name: GeneralName) =>
      [...authorizations.values()].some(
        (one) => one.account === account && one.status === 'valid' && one.name.value === name.value,
      )
    const mayByProof = self.switches.revokesByProof === true && found.order.names.every(proven)
    if (found.order.account !== account && !mayByProof) throw new Refusal('unauthorized', 403)
    if (![undefined, 0, 1, 4, 5].includes(payload.reason as number | undefined))
      throw new Refusal('badRevocationReason', 400)
    if (found.isRevoked) throw new Refusal('alreadyRevoked', 400)
    found.isRevoked = true
    revocations += 1
    return { status: 200, body: '' }
  }

  const renewalInfo = (id: string): HttpAnswer => {
    const { renewalInfo: how, renewalInfoAgain: again = '21600' } = self.switches
    if (how === 'broken') return { status: 500, body: '' }
    const found = certificates.get(id)
    if (found?.order.chain === undefined) throw new Refusal('malformed', 404)
    const { notBefore, notAfter } = parseCertificate(
      found.order.chain.slice(0, found.order.chain.indexOf('-----END') + 26),
    )
    const middle = notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3
    const at = how === 'past' ? outside.now().getTime() - 7_200_000 : middle
    const width = how === 'backwards' ? -1000 : 3_600_000
    const suggestedWindow = { start: new Date(at).toISOString(), end: new Date(at + width).toISOString() }
    return {
      status: 200,
      headers: again === 'unsaid' ? {} : { 'retry-after': again },
      json: { suggestedWindow, explanationURL: `${origin}/why` },
    }
  }

  const register = (jws: Jws, payload: Payload): HttpAnswer => {
    const thumbprint = thumbprintOf(jws.jwk ?? {})
    const known = [...accounts].find(([, account]) => account.thumbprint === thumbprint)
    if (known !== undefined) return { status: 200, headers: { location: known[0] }, json: { status: known[1].status } }
    if (payload.onlyReturnExisting === true) throw new Refusal('accountDoesNotExist', 400)
    if (payload.termsOfServiceAgreed !== true && self.switches.termsOfService)
      throw new Refusal('userActionRequired', 403)
    if (self.switches.macKey !== undefined) requireBinding(payload, self.switches.macKey)
    const url = `${origin}/account/${newId()}`
    accounts.set(url, { key: keyOf(jws.jwk), thumbprint, status: 'valid', contact: payload.contact ?? null })
    return { status: 201, headers: { location: url }, json: { status: 'valid' } }
  }

  const changeKey = (account: string, payload: Payload): HttpAnswer => {
    const inner = readJws(JSON.stringify(payload))
    if (!isSigned(inner, keyOf(inner.jwk))) throw new Refusal('malformed', 400)
    const { account: named } = inner.payload as { account?: string }
    if (named !== account) throw new Refusal('malformed', 400)
    accounts.set(account, {
      ...find(accounts, account),
      key: keyOf(inner.jwk),
      thumbprint: thumbprintOf(inner.jwk ?? {}),
    })
    return { status: 200, json: {} }
  }

  const signed: Readonly<Record<string, (id: string, jws: Jws, account: string) => HttpAnswer | Promise<HttpAnswer>>> =
    {
      'new-account': (_, jws) => register(jws, jws.payload),
      'new-order': (_, { payload }, account) => newOrder(account, payload),
      order: (id, _, account) => {
        const order = find(orders, id)
        if (order.account !== account) throw new Refusal('unauthorized', 403, 'of another account')
        refresh(order)
        return {
          status: 200,
          headers: order.status === 'processing' ? { 'retry-after': '3' } : {},
          json: orderBody(order),
        }
      },
      authz: (id, { payload }) => {
        if (payload.status === 'deactivated') find(authorizations, id).status = 'deactivated'
        return { status: 200, json: authorizationBody(id) }
      },
      chall: (id, _, account) => answerChallenge(id, find(accounts, account)),
      finalize: (id, { payload }) => finalize(id, payload),
      cert: (id) => certificateAnswer(find(orders, id)),
      alternate: (id) => alternateAnswer(id),
      revoke: (_, { payload }, account) => revoke(account, payload),
      'key-change': (_, { payload }, account) => changeKey(account, payload),
      account: (_, { payload }, account) => {
        const found = find(accounts, account)
        if (payload.contact !== undefined) found.contact = payload.contact
        return { status: 200, json: { status: found.status, contact: found.contact } }
      },
    }

  const post = async (request: SeenRequest): Promise<HttpAnswer> => {
    if (request.headers['content-type'] !== 'application/jose+json') throw new Refusal('malformed', 415)
    const jws = readJws(request.text())
    if (jws.url !== request.url.href) throw new Refusal('unauthorized', 401, 'wrong url')
    self.nonceUses += 1
    const isUnlucky =
      self.switches.rejectNonceEvery !== undefined && self.nonceUses % self.switches.rejectNonceEvery === 0
    if (!nonces.delete(jws.nonce ?? '') || isUnlucky) throw new Refusal('badNonce', 400)
    const [, kind = '', id = ''] = request.path.split('/')
    const act = signed[kind]
    if (act === undefined) throw new Refusal('malformed', 404)
    const isOpen = kind === 'new-account'
    if ((jws.jwk !== undefined) !== isOpen || (jws.kid !== undefined) === isOpen)
      throw new Refusal('malformed', 400, 'jwk or kid')
    const account = isOpen ? undefined : accounts.get(jws.kid ?? '')
    if (!isOpen && account === undefined) throw new Refusal('accountDoesNotExist', 400)
    if (!isSigned(jws, account?.key ?? keyOf(jws.jwk))) throw new Refusal('unauthorized', 401, 'bad signature')
    seen.push({ method: 'POST', path: request.path, payload: jws.payload })
    return await act(id, jws, jws.kid ?? '')
  }

  const answer = async (request: SeenRequest): Promise<HttpAnswer> => {
    if (self.switches.everything !== undefined) return self.switches.everything
    const headers = { 'replay-nonce': newNonce() }
    try {
      if (request.path === '/directory') return { status: 200, json: directory() }
      if (request.path === '/nonce') return { status: 200, headers, body: '' }
      const isInfo = request.path.startsWith('/ari/') && request.method === 'GET'
      if (!isInfo && request.method !== 'POST') return { status: 405, body: '' }
      const good = isInfo ? renewalInfo(request.path.slice(5)) : await post(request)
      return { ...good, headers: { ...good.headers, ...headers } }
    } catch (error) {
      if (error instanceof Refusal) return { ...error.answer, headers: { ...error.answer.headers, ...headers } }
      throw error
    }
  }
  const certificateAnswer = ({ chain = '', id }: FakeOrder): HttpAnswer => {
    const links = (self.switches.alternateChains ?? []).map(
      (_, n) => `<${origin}/alternate/${id}-${n}>;rel="alternate"`,
    )
    for (const link of self.switches.alternateLinks ?? []) links.push(`<${link}>;rel="alternate"`)
    const headers = {
      'content-type': 'application/pem-certificate-chain',
      link: [`<${origin}/directory>;rel="index"`, ...links].join(', '),
    }
    return { status: 200, headers, body: chain }
  }
  const alternateAnswer = (id: string): HttpAnswer => {
    const [order = '', index = ''] = id.split('-')
    const { chain = '' } = find(orders, order)
    const leaf = chain.slice(0, chain.indexOf('-----END') + 26)
    return { status: 200, body: leaf + (self.switches.alternateChains?.[Number(index)] ?? '') }
  }

  return {
    directoryUrl: `${origin}/directory`,
    get switches() {
      return self.switches
    },
    set switches(next) {
      self.switches = next
    },
    seen,
    issued: () => certificates.size,
    revocations: () => revocations,
    orders: () => [...orders.values()],
    forget: () => accounts.clear(),
    answer,
  }
}

function find<T>(map: ReadonlyMap<string, T>, id: string): T {
  const found = map.get(id)
  if (found === undefined) throw new Refusal('malformed', 404, 'no such thing')
  return found
}
