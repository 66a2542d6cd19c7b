import { CertctlError } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from './eventually.js'
import { createScene, issueFirst, type Scene } from './start-agent.js'

let scene: Scene

beforeEach(async () => {
  scene = await createScene()
})
afterEach(() => scene.close())

describe('the description of the connectors', () => {
  it('is repeated until the server has it', async () => {
    let lost = 0
    scene.server.meddle((operationId, when) => {
      if (operationId !== 'describeAgentConnectors' || when !== 'before' || lost > 0) return undefined
      lost += 1
      return 'lose'
    })
    await scene.start()
    await eventually('it arrives', () => scene.server.state.connectors.length === 1)
  })

  it('that a server does not understand is told in the log, and keeps nobody from work', async () => {
    scene.server.meddle((operationId, when) => {
      if (operationId === 'describeAgentConnectors' && when === 'before')
        throw new CertctlError('request_malformed', 'connectors.0.colour')
      return undefined
    })
    const running = await scene.start()
    await issueFirst(scene)
    expect(running.log).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'the server did not take the description of the connectors' }),
    )
  })
})
