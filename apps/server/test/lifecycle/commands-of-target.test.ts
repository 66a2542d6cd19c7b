import { describe, expect, it } from '@jest/globals'
import { commandsOfTarget } from '../../src/lifecycle/approval/commands-of-target.js'

const schema = {
  type: 'object',
  properties: {
    cert_path: { type: 'string' },
    validate_command: { default: 'nginx -t', 'x-certctl': 'command' },
    reload_command: { default: 'systemctl reload nginx', 'x-certctl': 'command' },
    hooks: { type: 'array', items: { type: 'object', properties: { run: { 'x-certctl': 'command' } } } },
  },
}

describe('the commands that will run at a target', () => {
  it('are those of its configuration, and the defaults where it says none', () => {
    expect(commandsOfTarget(schema, { cert_path: '/a', reload_command: 'nginx -s reload' })).toEqual([
      'nginx -t',
      'nginx -s reload',
    ])
  })

  it('are found wherever the schema marks them', () => {
    const config = { reload_command: '', validate_command: '', hooks: [{ run: ['notify', 'the team'] }] }
    expect(commandsOfTarget(schema, config)).toEqual(["notify 'the team'"])
  })

  it('are found by their names where nobody described the type, or forgot to mark them', () => {
    const config = { cert_path: '/a', reload_command: ['sh', '-c', "it's"], password: 'x' }
    expect(commandsOfTarget(undefined, config)).toEqual(["sh -c 'it'\\''s'"])
    expect(commandsOfTarget({ type: 'object' }, config)).toEqual(["sh -c 'it'\\''s'"])
  })

  it('are none where there are none', () => {
    expect(commandsOfTarget(undefined, {})).toEqual([])
    expect(commandsOfTarget(schema, { validate_command: [], reload_command: [] })).toEqual([])
  })
})
