import type { NotifierDefinition } from '@certctl/core'
import { definitionLaws } from './definition-laws.js'
import type { Law, TestFunction } from './law.js'
import { failingLaws } from './notifier-laws/failing.js'
import { tellingLaws } from './notifier-laws/telling.js'
import { createNotifierScene, type NotifierScene } from './notifier-scene.js'
import type { NotifierWorld } from './notifier-world.js'

export interface NotifierTestOptions<Config> {
  /** The runner's own: `it`, `test`. */
  test: TestFunction
  definition: NotifierDefinition<Config>
  /** As an operator would write it. */
  config: Readonly<Record<string, unknown>>
  /** A fresh service that has told nobody anything yet; called for every scene. */
  createWorld(): NotifierWorld | Promise<NotifierWorld>
  /** Whom the messages go to; default: ops@example.test. */
  recipients?: readonly string[] | undefined
  /** The folder's name without the kind, where it should be compared with the type. */
  slug?: string | undefined
}

const laws: readonly Law<NotifierScene>[] = [...definitionLaws, ...tellingLaws, ...failingLaws]

/** Registers one test for each law that every notifier keeps. */
export function testNotifier<Config>(options: NotifierTestOptions<Config>): void {
  const scene = createNotifierScene({ ...options, slug: options.slug, recipients: options.recipients })
  for (const law of laws) options.test(law.name, () => law.check(scene))
}
