import assert from 'node:assert/strict'
import { type ErrorCode, errorCodes, isCertctlError } from '@certctl/core'
import { type HttpFault, httpFaults } from '../http-faults.js'
import type { WorldFailure } from '../issuer-world.js'
import type { Law } from '../law.js'
import { findLeak } from '../leaks.js'
import { type NotifierScene, sendIn } from '../notifier-scene.js'
import { sweep } from '../sweep.js'
import { assertCode, textOf } from '../target-scene.js'
import { createTestMessage } from '../test-message.js'
import type { Fault } from '../watched-host.js'

interface Refusal extends Omit<HttpFault, 'world'> {
  world: WorldFailure | 'refused for good'
}

const codes = Object.entries(errorCodes).map(([code, { retry }]) => ({ code: code as ErrorCode, retry }))
const retryable = codes.filter(({ retry }) => retry).map(({ code }) => code)
const final = codes.filter(({ retry }) => !retry).map(({ code }) => code)

const refusedForGood: readonly Refusal[] = [400, 403, 404, 410, 422].map((status) => ({
  title: String(status),
  answer: { status, body: 'no' },
  codes: final,
  world: 'refused for good',
}))
const triedAgain: readonly Refusal[] = httpFaults
  .filter(({ title }) => title !== '401')
  .map((fault) => ({ ...fault, codes: fault.retryAfterSeconds === undefined ? retryable : fault.codes }))
const redirects: readonly Refusal[] = [301, 302, 307].map((status) => ({
  title: `${status} to another place`,
  answer: { status, headers: { location: 'http://169.254.169.254/latest/meta-data/' } },
  codes: final,
  world: 'refused for good',
}))

/** What a message means when something goes wrong. */
export const failingLaws: readonly Law<NotifierScene>[] = [
  {
    name: 'what the service refuses for good is an error that is not tried again',
    check: (scene) => assertRefusals(scene, refusedForGood),
  },
  {
    name: 'what may work later is an error that is tried again, when the service says',
    check: (scene) => assertRefusals(scene, triedAgain),
  },
  {
    name: 'a redirect is not a success and is not followed',
    check: (scene) => assertRefusals(scene, redirects),
  },
  {
    name: 'success is only reported when the service has accepted the message, whichever step fails',
    check: (scene) => sweep(['did not happen', 'answer lost', 'refused', 'died'], (fault) => sendUnder(scene, fault)),
  },
  {
    name: 'secrets and addresses that are secrets stay out of logs, errors, results and command lines',
    check: (scene) => sweep(['did not happen', 'answer lost', 'refused'], (fault) => sendWatched(scene, fault)),
  },
  {
    name: 'an abort ends the call and tells nobody',
    check: async (scene) => {
      await scene.inWorld(async (world) => {
        const message = createTestMessage({ signal: AbortSignal.abort(), recipients: scene.recipients })
        const ending = await sendIn(scene.start(world), message)
        assert.ok('error' in ending, 'it sends although the signal had fired before')
        assert.ok(isCertctlError(ending.error), `an abort is reported as ${textOf(ending.error)}`)
        assert.equal(ending.error.code, 'aborted', `an abort is reported as ${textOf(ending.error)}`)
        assert.equal((await world.told()).length, 0, 'people were told all the same')
      })
      await sweep(['hangs'], (fault) => abortUnder(scene, fault))
    },
  },
]

async function assertRefusals(scene: NotifierScene, refusals: readonly Refusal[]): Promise<void> {
  const usesHttp = await scene.inWorld(async (world) => {
    const { connector, watch } = scene.start(world)
    await connector.send(createTestMessage({ recipients: scene.recipients }))
    return watch.steps.some(({ kind }) => kind === 'http')
  })
  for (const refusal of refusals)
    await scene.inWorld(async (world) => {
      if (!usesHttp && world.fail === undefined) return
      if (!usesHttp) world.fail?.(refusal.world)
      const process = scene.start(world, usesHttp ? { http: { from: 1, answer: refusal.answer } } : {})
      const ending = await sendIn(process, createTestMessage({ recipients: scene.recipients }))
      const { title } = refusal
      assert.ok('error' in ending, `${title} is taken for success`)
      assert.ok(isCertctlError(ending.error), `${title} becomes ${textOf(ending.error)}, which carries no code`)
      assert.ok(refusal.codes.includes(ending.error.code), `${title} becomes ${textOf(ending.error)}`)
      assert.equal(findLeak(ending.error, scene.canaries), undefined, `the error for ${title} shows a secret`)
      if (usesHttp && refusal.retryAfterSeconds !== undefined)
        assert.equal(ending.error.retryAfterSeconds, refusal.retryAfterSeconds, `${title}: Retry-After is lost`)
    })
}

function sendUnder(scene: NotifierScene, fault: Fault): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const message = createTestMessage({ recipients: scene.recipients })
    const process = scene.start(world, { fault })
    const ending = await sendIn(process, message)
    // Whatever it did without waiting has happened by now.
    await new Promise<void>((resume) => setImmediate(resume))
    if ('sent' in ending) assert.equal((await world.told()).length, 1, 'it reports success and nobody was told')
    else assertCode(ending.error)
    await scene.start(world).connector.send(message)
    const told = await world.told()
    assert.notEqual(told.length, 0, 'nobody is told by the next attempt')
    if (scene.capabilities.deduplicates) assert.equal(told.length, 1, 'people are told twice by the next attempt')
    assert.equal(new Set(told.map(({ id }) => id)).size, 1, 'a receiver cannot know the repetition')
    return process.watch.reached && world.sweep !== false
  })
}

function sendWatched(scene: NotifierScene, fault: Fault): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const { connector, watch } = scene.start(world, { fault })
    const ending = await sendIn({ connector, watch }, createTestMessage({ recipients: scene.recipients }))
    const shown = {
      'a log line': watch.logged,
      'the result or the error': 'sent' in ending ? ending.sent : ending.error,
      'a command line or its environment': watch.commands,
    }
    for (const [where, what] of Object.entries(shown))
      assert.equal(findLeak(what, scene.canaries), undefined, `${where} shows a secret`)
    return watch.reached && world.sweep !== false
  })
}

function abortUnder(scene: NotifierScene, fault: Fault): Promise<boolean> {
  return scene.inWorld(async (world) => {
    const controller = new AbortController()
    const { connector, watch } = scene.start(world, { fault, onHang: () => controller.abort() })
    const message = createTestMessage({ signal: controller.signal, recipients: scene.recipients })
    const ending = await sendIn({ connector, watch }, message)
    assert.deepEqual(watch.unsignalled, [], 'these were not handed the signal and would hang for ever')
    if ('sent' in ending) assert.equal((await world.told()).length, 1, 'it reports success and nobody was told')
    return watch.reached && world.sweep !== false
  })
}
