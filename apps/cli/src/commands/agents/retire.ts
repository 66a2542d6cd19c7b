import type { ApiError } from '@certctl/api'
import { dependencyCountsSchema } from '@certctl/api'
import { CertctlError, isCertctlError, z } from '@certctl/core'
import { defineVerb } from '../../verb.js'

export const agentsRetire = defineVerb({
  name: 'retire',
  summary: 'Retires an agent: its key ends, its work goes to nobody',
  examples: ['certctl agents retire agent-web-1', 'certctl agents retire agent-web-1 --force --reason "host is gone"'],
  arguments: { id: 'Id of the agent' },
  options: { '--force': 'Retire its targets as well', '--reason <text>': 'Why; needed with --force' },
  given: z
    .object({ id: z.string(), force: z.boolean().default(false), reason: z.string().optional() })
    .refine(({ force, reason }) => !force || reason !== undefined, {
      path: ['reason'],
      message: 'must be given with --force',
    }),
  run: async ({ id, force, reason }, cli) => {
    try {
      const { status, body } = await cli
        .client()
        .retireAgent({ params: { id }, query: { force: force || undefined, reason } })
      if (cli.json) cli.show(status === 204 ? { status: 'retired', id } : body, () => '')
      cli.say(status === 204 ? `Agent ${id} was retired before` : `Agent ${id} is retired`)
    } catch (error) {
      throw blocked(id, error) ?? error
    }
  },
})

/** Says what stands in the way, and how to go on. */
function blocked(id: string, error: unknown): CertctlError | undefined {
  if (!isCertctlError(error) || error.code !== 'conflict') return undefined
  const counts = dependencyCountsSchema.safeParse((error as Partial<ApiError>).problem?.counts)
  if (!counts.success) return undefined
  const { active_targets, active_certificates, pending_jobs } = counts.data
  return new CertctlError(
    'conflict',
    `Agent ${id} is still needed (targets: ${active_targets}, certificates: ${active_certificates}, open jobs: ${pending_jobs}); move them, or retire all of it with --force --reason`,
    { cause: error },
  )
}
