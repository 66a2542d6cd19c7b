import { randomUUID } from 'node:crypto'
import type { Agent } from './agent.js'
import type { AgentEnd } from './agent-end.js'
import { createAgentEnd } from './agent-end.js'
import { repairAfterCrash } from './deployment-journal.js'
import { beat } from './heartbeat.js'
import { removeHalfWrittenKeys } from './keys.js'
import { createWorkLoop } from './loop.js'
import { observe } from './observe.js'
import { createOwnedFiles } from './owned-files.js'
import { createReporter, repeatReports } from './report.js'
import { scanRepeatedly } from './scan.js'
import { removeHalfWrittenState } from './sealed-state.js'

/** Runs until the end: first what a crash left is put right, then everything at once. Resolves when nothing runs any more. */
export async function runAgent(agent: Agent, end: AgentEnd): Promise<void> {
  await removeHalfWrittenKeys(agent.config.keyDirectory)
  await removeHalfWrittenState(agent.config.stateDirectory)
  await repairAfterCrash(agent.state, createOwnedFiles(agent.host.files, agent.installation), agent.log)
  await agent.challenges.resume()
  const boot = randomUUID()
  const reporter = await createReporter(agent)
  const work = createWorkLoop(agent, { boot, reporter, end })
  // Leases are prolonged until the last job is done, which may be after the agent was asked to stop.
  const beating = createAgentEnd()
  const beats = beat(agent, { boot, holding: work.holding, end: { ...beating, retire: end.retire } })
  const others = [observe(agent, end), scanRepeatedly(agent, end), repeatReports(agent, reporter, end)]
  await work.run()
  beating.stop()
  await Promise.all([beats, ...others])
  await reporter.flush(AbortSignal.timeout(5000))
  await agent.challenges.close()
}
