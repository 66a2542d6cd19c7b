import type { GeneralName, IssuerDefinition } from '@certctl/core'
import { definitionLaws } from './definition-laws.js'
import { answerLaws } from './issuer-laws/answers.js'
import { certificateLaws } from './issuer-laws/certificate.js'
import { operationLaws } from './issuer-laws/operations.js'
import { orderLaws } from './issuer-laws/orders.js'
import { createIssuerScene, type IssuerScene } from './issuer-scene.js'
import type { IssuerWorld } from './issuer-world.js'
import type { Law, TestFunction } from './law.js'

export interface IssuerTestOptions<Config> {
  /** The runner's own: `it`, `test`. */
  test: TestFunction
  definition: IssuerDefinition<Config>
  /** As an operator would write it. */
  config: Readonly<Record<string, unknown>>
  /** A fresh CA that has issued nothing yet; called for every scene. */
  createWorld(): IssuerWorld | Promise<IssuerWorld>
  /** Names the CA issues for, where it does not issue for examples of every kind it declares. */
  names?: readonly GeneralName[] | undefined
  /** The folder's name without the kind, where it should be compared with the type. */
  slug?: string | undefined
}

const laws: readonly Law<IssuerScene>[] = [
  ...definitionLaws,
  ...operationLaws,
  ...certificateLaws,
  ...orderLaws,
  ...answerLaws,
]

/** Registers one test for each law that every issuer keeps. */
export function testIssuer<Config>(options: IssuerTestOptions<Config>): void {
  const scene = createIssuerScene({ ...options, slug: options.slug, names: options.names })
  for (const law of laws) options.test(law.name, () => law.check(scene))
}
