import type { TargetDefinition } from '@certctl/core'
import { definitionLaws } from './definition-laws.js'
import type { Law, TestFunction } from './law.js'
import { createMaterial, type Material } from './material.js'
import { faultLaws } from './target-laws/faults.js'
import { powerLaws } from './target-laws/powers.js'
import { secretLaws } from './target-laws/secrets.js'
import { servingLaws } from './target-laws/serving.js'
import { createTargetScene, type TargetScene } from './target-scene.js'
import type { TargetWorld } from './target-world.js'

export interface TargetTestOptions<Config> {
  /** The runner's own: `it`, `test`. */
  test: TestFunction
  definition: TargetDefinition<Config>
  /** As an operator would write it. */
  config: Readonly<Record<string, unknown>>
  /** Default: `createMaterial()`. */
  material?: Material | Promise<Material> | undefined
  /** A fresh world in which nothing is deployed yet; called for every scene. */
  createWorld(): TargetWorld | Promise<TargetWorld>
  /** The folder's name without the kind, where it should be compared with the type. */
  slug?: string | undefined
}

const laws: readonly Law<TargetScene>[] = [...definitionLaws, ...servingLaws, ...faultLaws, ...secretLaws, ...powerLaws]

/** Registers one test for each law that every target keeps. */
export function testTarget<Config>(options: TargetTestOptions<Config>): void {
  const material = Promise.resolve(options.material ?? createMaterial())
  // A test that never runs must not turn the failure of the material into an unhandled rejection.
  material.catch(() => undefined)
  const scene = createTargetScene({ ...options, material, slug: options.slug })
  for (const law of laws) options.test(law.name, () => law.check(scene))
}
