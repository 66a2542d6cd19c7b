import {
  CertctlError,
  type DefinitionsByKind,
  defineIssuer,
  type GeneralName,
  type IssuanceRequest,
  type IssuedRef,
  type OrderOutcome,
  type OrderRef,
  type RenewalInfo,
  type RevocationOutcome,
  type RevocationRequest,
  z,
} from '@certctl/core'
import { createTestCa, type TestCa } from '@certctl/testing'
import type { Clock } from '../../src/clock.js'

/** A point in a fake's answer where the test steps in: `reached` resolves when somebody waits there, `release` lets it go on. */
export interface Gate {
  reached: Promise<void>
  release(): void
  /** Awaited by the fake. */
  pass(): Promise<void>
}

export function createGate(): Gate {
  let reach: () => void = () => undefined
  let open: () => void = () => undefined
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    reached,
    release: () => open(),
    async pass() {
      reach()
      await opened
    },
  }
}

export interface FakeCa {
  readonly definition: DefinitionsByKind['issuer']
  readonly ca: TestCa
  /** Everything it was asked, in order. */
  readonly asked: IssuanceRequest[]
  readonly polled: OrderRef[]
  readonly revocations: RevocationRequest[]
  /** Every certificate it signed. */
  readonly signed: string[]
  /** How it answers; the default signs at once, once per order id, like a CA that searches before it orders again. */
  answer(request: IssuanceRequest): Promise<OrderOutcome>
  poll(order: OrderRef): Promise<OrderOutcome>
  revoke(request: RevocationRequest): Promise<RevocationOutcome>
  /** When it wants a renewal; no opinion until a test gives it one. Asked only where the CA was made with opinions. */
  renewalInfo(certificate: IssuedRef): Promise<RenewalInfo | undefined>
  /** What is left of its limits: room for everything until a test says otherwise. Asked only where it is metered. */
  budget(question: {
    names: readonly GeneralName[]
    orders: number
  }): Promise<{ fits: boolean; nextAt?: Date; detail: string }>
  /** Signs what a request asks for, every time anew. */
  sign(request: Omit<IssuanceRequest, 'signal'>, days?: number): Promise<OrderOutcome>
}

const day = 86_400_000

/** A CA that behaves, until a test tells it otherwise: pending, late, twice, with its answer lost. */
export async function createFakeCa(
  clock: Clock,
  { metered = false, lifeDays = 90, opinions = false } = {},
): Promise<FakeCa> {
  const ca = await createTestCa(clock.now())
  const bySameOrder = new Map<string, OrderOutcome>()
  const fake: FakeCa = {
    ca,
    asked: [],
    polled: [],
    revocations: [],
    signed: [],
    async answer(request) {
      const known = bySameOrder.get(request.id)
      const outcome = known ?? (await fake.sign(request))
      bySameOrder.set(request.id, outcome)
      return outcome
    },
    poll: async () => {
      throw new CertctlError('not_found', 'This CA knows no such order')
    },
    revoke: async () => ({ status: 'confirmed' }),
    renewalInfo: async () => undefined,
    budget: async () => ({ fits: true, detail: '300 orders left this week' }),
    async sign(request, days = lifeDays) {
      const notAfter = request.notAfter ?? new Date(clock.now().getTime() + days * day)
      const certificatePem = await ca.sign(request.csrPem, { names: request.names, notAfter })
      fake.signed.push(certificatePem)
      return { status: 'valid', certificatePem, chainPem: ca.intermediatePem }
    },
    definition: defineIssuer({
      type: metered ? 'FakeMetered' : 'Fake',
      displayName: 'A CA of the tests',
      configSchema: z.strictObject({
        url: z.string().optional().describe('Where it would be.'),
        root: z.string().optional().describe('What it would be known by.'),
      }),
      capabilities: {
        operations: [
          'poll',
          'revoke',
          ...(opinions ? (['renewalInfo'] as const) : []),
          ...(metered ? (['budget'] as const) : []),
        ],
        names: ['dns', 'ip', 'email', 'uri', 'wildcard'],
        honours: ['notAfter'],
        revocationReasons: ['unspecified', 'keyCompromise', 'superseded'],
        metered,
      },
      create: () => ({
        async issue(request) {
          fake.asked.push(request)
          return await fake.answer(request)
        },
        async poll(order) {
          fake.polled.push(order)
          return await fake.poll(order)
        },
        async revoke(request) {
          fake.revocations.push(request)
          return await fake.revoke(request)
        },
        ...(metered ? { budget: async (question) => await fake.budget(question) } : {}),
        ...(opinions ? { renewalInfo: async (certificate: IssuedRef) => await fake.renewalInfo(certificate) } : {}),
      }),
    }),
  }
  return fake
}
