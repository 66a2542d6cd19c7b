import {
  CertctlError,
  type ChallengeAnswer,
  type DnsConnector,
  type Host,
  type IssuerHost,
  type TxtRecord,
} from '@certctl/core'
import { type AnswerRun, createTestHost, type TestHost, type TestHostOptions } from './test-host.js'

/** What an issuer published on its test host. */
export interface Published {
  /** Challenge answers that stand now. */
  readonly challenges: readonly ChallengeAnswer[]
  /** TXT values that stand now. */
  readonly records: readonly Pick<TxtRecord, 'name' | 'value'>[]
}

export type TestIssuerHost = TestHost & IssuerHost & { readonly published: Published }

/** A test host on which challenge answers and DNS records can be published and looked at. */
export function createTestIssuerHost(world: AnswerRun | TestHostOptions = {}): TestIssuerHost {
  return withChallenges(createTestHost(world))
}

/** Adds challenges and DNS in memory to a host that has none. */
export function withChallenges<H extends Host>(host: H): H & IssuerHost & { published: Published } {
  const challenges: ChallengeAnswer[] = []
  const records: TxtRecord[] = []
  const provider: DnsConnector = {
    async present(record) {
      if (!records.some((other) => isSameRecord(other, record))) records.push(record)
    },
    async cleanUp(record) {
      removeWhere(records, (other) => isSameRecord(other, record))
    },
  }
  return {
    ...host,
    published: { challenges, records },
    challenges: {
      async publish(answer) {
        if (answer.name === '') throw new CertctlError('request_malformed', 'A challenge answer needs a name')
        removeWhere(challenges, (other) => isSameAnswer(other, answer))
        challenges.push(answer)
        return 'published'
      },
      async withdraw(answer) {
        removeWhere(challenges, (other) => isSameAnswer(other, answer))
      },
    },
    dns: async () => provider,
  }
}

function isSameRecord(a: TxtRecord, b: TxtRecord): boolean {
  return a.name === b.name && a.value === b.value
}

function isSameAnswer(a: ChallengeAnswer, b: ChallengeAnswer): boolean {
  return a.name === b.name && a.keyAuthorization === b.keyAuthorization && a.kind === b.kind
}

function removeWhere<T>(list: T[], matches: (entry: T) => boolean): void {
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const entry = list[index]
    if (entry !== undefined && matches(entry)) list.splice(index, 1)
  }
}
