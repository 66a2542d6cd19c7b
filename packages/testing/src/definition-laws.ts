import assert from 'node:assert/strict'
import { type Host, type JsonValue, looseType, looseTypesOf, type z } from '@certctl/core'
import type { Law } from './law.js'
import type { Watch } from './watched-host.js'

/** What the laws of a definition need to know, whatever its kind. */
export interface DefinitionScene {
  readonly definition: {
    readonly type: string
    readonly aliases?: readonly string[] | undefined
    readonly displayName: string
    readonly configSchema: z.ZodType
    readonly jsonSchema: JsonValue
    create(config: never, host: never): unknown
  }
  readonly slug: string | undefined
  /** As an operator wrote it, without the settings every target has. */
  readonly ownConfig: Readonly<Record<string, unknown>>
  /** Creates the connector on a watched host and returns what the watch saw. */
  createOnly(): Promise<{ watch: Watch; host: Host }>
}

export const definitionLaws: readonly Law<DefinitionScene>[] = [
  {
    name: 'its type or an alias is the slug of its folder, and every field says what it is for',
    async check({ definition, slug }) {
      const names = looseTypesOf(definition)
      assert.ok(!names.includes(''), 'the type or an alias has no letter or digit in it')
      assert.notEqual(definition.displayName.trim(), '', 'displayName is empty')
      if (slug !== undefined)
        assert.ok(names.includes(looseType(slug)), `none of ${names.join(', ')} is the slug ${looseType(slug)}`)
      for (const [field, description] of descriptionsOf(definition.jsonSchema))
        assert.ok(typeof description === 'string' && description.trim() !== '', `the field ${field} has no description`)
    },
  },
  {
    name: 'it accepts its own configuration and refuses a field it does not know',
    async check({ definition, ownConfig }) {
      const known = definition.configSchema.safeParse(ownConfig)
      assert.ok(known.success, `its own configuration is refused: ${known.error?.message}`)
      const stranger = { ...ownConfig, no_such_field_anywhere: 'x' }
      assert.ok(!definition.configSchema.safeParse(stranger).success, 'an unknown field is accepted')
    },
  },
  {
    name: 'creating it touches nothing',
    async check({ createOnly }) {
      const { watch } = await createOnly()
      // Whatever was begun without waiting shows itself by now.
      await new Promise<void>((resume) => setImmediate(resume))
      const touched = watch.steps.map(({ kind, detail }) => `${kind} ${detail}`)
      assert.deepEqual(touched, [], 'create must only remember')
      assert.equal(watch.clockReads, 0, 'create reads the clock')
      assert.equal(watch.waitedSeconds, 0, 'create waits')
    },
  },
]

function descriptionsOf(jsonSchema: JsonValue): [string, JsonValue | undefined][] {
  const properties = recordOf(recordOf(jsonSchema)?.properties) ?? {}
  return Object.entries(properties).map(([field, schema]) => [field, recordOf(schema)?.description])
}

function recordOf(value: JsonValue | undefined): { readonly [key: string]: JsonValue | undefined } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return value as { readonly [key: string]: JsonValue | undefined }
}
