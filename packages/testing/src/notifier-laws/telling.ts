import assert from 'node:assert/strict'
import type { Law } from '../law.js'
import type { NotifierScene } from '../notifier-scene.js'
import { createTestMessage } from '../test-message.js'

const powers = ['send', 'test', 'close']

/** What a message means when nothing goes wrong. */
export const tellingLaws: readonly Law<NotifierScene>[] = [
  {
    name: 'one event is one message that says what happened',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const message = createTestMessage({ recipients: scene.recipients })
        await scene.start(world).connector.send(message)
        const told = await world.told()
        assert.equal(told.length, 1, `one event, and people were told ${told.length} times`)
        assert.ok(told[0]?.text.includes('web-frontend'), 'the message does not say which certificate')
        await scene.start(world).connector.send(createTestMessage({ recipients: scene.recipients }))
        assert.equal((await world.told()).length, 2, 'another event is not another message')
      }),
  },
  {
    name: 'the same event again is known as the same',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const message = createTestMessage({ recipients: scene.recipients })
        await scene.start(world).connector.send(message)
        await scene.start(world).connector.send({ ...message, at: new Date(message.at.getTime()) })
        const told = await world.told()
        if (scene.capabilities.deduplicates) assert.equal(told.length, 1, 'people were told twice')
        const ids = new Set(told.map(({ id }) => id))
        assert.equal(ids.size, 1, `a receiver cannot know the repetition: ${[...ids].join(', ')}`)
      }),
  },
  {
    name: 'line ends and markup in names stay text',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const title = 'web-frontend\r\nBcc: everybody@example.test\r\n\r\n<script>&amp;</script> ends'
        await scene.start(world).connector.send(createTestMessage({ title, recipients: scene.recipients }))
        assert.equal((await world.told()).length, 1, 'a line end in a title makes another message, or none')
      }),
  },
  {
    name: 'it offers what the contract knows, and testing tells nobody',
    check: (scene) =>
      scene.inWorld(async (world) => {
        const { connector } = scene.start(world)
        const offered = Object.keys(connector)
        assert.deepEqual(
          offered.filter((name) => !powers.includes(name)),
          [],
          'the contract knows no such methods',
        )
        await connector.test?.(new AbortController().signal)
        assert.equal((await world.told()).length, 0, 'a test of the connection told people something')
      }),
  },
]
