import type { HttpAnswer, IssuerWorld, SeenRequest, TestIssuerHost } from '@certctl/testing'
import { createTestIssuerHost } from '@certctl/testing'
import { createFakeAcme, type FakeAcme } from './fake-acme.js'
import type { FakeSwitches } from './fake-switches.js'

export interface FakeWorld extends IssuerWorld {
  readonly host: TestIssuerHost
  readonly ca: FakeAcme
}

export interface FakeWorldOptions {
  /** Answers requests to other hosts. */
  elsewhere?: ((request: SeenRequest) => HttpAnswer) | undefined
  /** Where the CA is. */
  origin?: string | undefined
  /** CNAMEs, followed by the CA. */
  aliases?: Readonly<Record<string, string>> | undefined
  /** Whether name servers have caught up with what was written. */
  isVisible?: (() => boolean) | undefined
  /** The CA sees no records, whatever we see. */
  isBlind?: boolean | undefined
}

/** A host in memory whose challenges and records the fake CA looks at. */
export async function createFakeWorld(
  switches: FakeSwitches = {},
  { elsewhere, origin, aliases = {}, isVisible = () => true, isBlind = false }: FakeWorldOptions = {},
): Promise<FakeWorld> {
  const place: { ca?: FakeAcme } = {}
  const host: TestIssuerHost = createTestIssuerHost({
    http: async (request) => {
      if (place.ca !== undefined && request.url.origin === new URL(place.ca.directoryUrl).origin)
        return await place.ca.answer(request)
      return elsewhere?.(request) ?? { status: 404, body: 'nobody' }
    },
    resolve: ({ name, type }) => {
      if (type === 'CNAME') return [aliases[name] ?? []].flat()
      return type === 'TXT' && isVisible() ? texts(name) : []
    },
  })
  const texts = (name: string) =>
    host.published.records.filter((record) => record.name === (aliases[name] ?? name)).map(({ value }) => value)
  const ca = await createFakeAcme(
    {
      texts: (name) => (isBlind ? [] : texts(name)),
      now: host.now,
      keyAuthorization: (kind, name, token) =>
        host.published.challenges.find(
          (answer) =>
            answer.kind === kind && answer.name === name && (answer.kind !== 'http-01' || answer.token === token),
        )?.keyAuthorization,
    },
    switches,
    origin,
  )
  place.ca = ca
  return {
    host,
    ca,
    issued: ca.issued,
    revocations: ca.revocations,
    sayUnknownState: () => {
      ca.switches = { ...ca.switches, orderState: 'contemplating' }
    },
  }
}
