import { describe, expect, it } from '@jest/globals'
import { useScene } from './run-cli.js'

const scene = useScene()

describe('waiting', () => {
  it('asks less and less often, but never less than every five seconds', async () => {
    const looks: number[] = []
    const { exitCode } = await scene().run(
      'certctl certificates request a.example --target web-broken --wait --timeout 60s',
      {
        onDelay: () => looks.push(scene().clock.now),
      },
    )
    expect(exitCode).toBe(5)
    const gaps = looks.slice(1).map((at, index) => at - (looks[index] ?? 0))
    for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(gaps[index - 1] ?? 0)
    expect(gaps[0]).toBe(500)
    expect(Math.max(...gaps)).toBe(5000)
  })

  it('ends soon after its time limit, and says that the work goes on', async () => {
    const begun = scene().clock.now
    const { stderr } = await scene().run(
      'certctl certificates request a.example --target web-broken --wait --timeout 30s',
    )
    expect(scene().clock.now - begun).toBeGreaterThanOrEqual(30_000)
    expect(scene().clock.now - begun).toBeLessThan(36_000)
    expect(stderr).toContain('has not ended within 30s and goes on')
  })

  it('says once that a deployment failed, and not anew for each second until the next attempt', async () => {
    const { stderr } = await scene().run(
      'certctl certificates request a.example --target web-broken --wait --timeout 70s',
    )
    const lines = stderr.split('\n').filter((line) => line.startsWith('a.example: web-broken: failed'))
    expect(lines).toEqual([expect.stringMatching(/next attempt in \d/)])
    expect(stderr).toMatch(/goes on \(web-broken: failed .*, next attempt in \d+s\)/)
  })

  it('for a renewal is not over while the old certificate is still served', async () => {
    await scene().run('certctl certificates request a.example --target web-1 --wait')
    const before = JSON.parse((await scene().run('certctl certificates show a.example --json')).stdout) as {
      fingerprint_sha256: string
    }
    const { exitCode } = await scene().run('certctl certificates renew a.example --wait')
    expect(exitCode).toBe(0)
    const placements = await scene().run('certctl certificates placements a.example --json')
    const { data } = JSON.parse(placements.stdout) as { data: { served_fingerprint: string; state: string }[] }
    expect(data[0]?.state).toBe('served')
    expect(data[0]?.served_fingerprint).not.toBe(before.fingerprint_sha256)
  })

  it('after a repair does not give up because of what was wrong before', async () => {
    await scene().run('certctl certificates request a.example --target web-refused --wait')
    scene().server.world.mended.set('web-refused', scene().clock.now)
    expect(await scene().run('certctl certificates renew a.example --wait')).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('web-refused: served'),
    })
  })

  it('for a certificate that goes nowhere is over when it is issued', async () => {
    const { exitCode, stderr } = await scene().run('certctl certificates request --csr - --name device --wait', {
      stdin: 'a CSR',
    })
    expect(exitCode).toBe(0)
    expect(stderr).toContain('device: certificate: issued')
  })

  it('can be interrupted: the exit code says so, and what was asked for stays', async () => {
    const stop = new AbortController()
    const { exitCode, stderr } = await scene().run('certctl certificates request a.example --target web-slow --wait', {
      signal: stop.signal,
      onDelay: () => stop.abort(),
    })
    expect(exitCode).toBe(130)
    expect(stderr).toContain('interrupted; what was asked of the server goes on there')
    expect(scene().server.world.certificates.size).toBe(1)
  })

  it('for a deployment fails when its job was cancelled', async () => {
    await scene().run('certctl certificates request a.example --target web-1 --wait')
    const { world } = scene().server
    const { exitCode, stderr } = await scene().run('certctl certificates deploy a.example --wait', {
      onDelay: () => {
        for (const entry of world.jobs.values()) entry.job = { ...entry.job, status: 'Cancelled' }
      },
    })
    expect(exitCode).toBe(5)
    expect(stderr).toContain('cancelled')
  })

  it('watches only the target that was named', async () => {
    await scene().run('certctl certificates request a.example --target web-broken --target web-1')
    scene().clock.now += 10_000
    expect((await scene().run('certctl certificates deploy a.example --target web-1 --wait')).exitCode).toBe(0)
  })
})

describe('a list', () => {
  it('is taken whole with --all, page by page', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e'])
      await scene().run(`certctl certificates request ${id}.example --id ${id}`)
    const { stdout } = await scene().run('certctl certificates list --all --json')
    const { data, total } = JSON.parse(stdout) as { data: { id: string }[]; total: number }
    expect({ ids: data.map(({ id }) => id), total }).toEqual({ ids: ['a', 'b', 'c', 'd', 'e'], total: 5 })
  })

  it('says when there is more than it shows', async () => {
    for (const id of ['a', 'b', 'c']) await scene().run(`certctl certificates request ${id}.example --id ${id}`)
    const { stdout, stderr } = await scene().run('certctl certificates list --per-page 2')
    expect(stdout.trim().split('\n')).toHaveLength(3)
    expect(stderr).toBe('2 of 3 shown; more with --page or --all\n')
  })
})

describe('a name', () => {
  it('stands for a certificate as long as only one has it', async () => {
    await scene().run('certctl certificates request one.example shared.example --id one')
    await scene().run('certctl certificates request two.example shared.example --id two')
    expect((await scene().run('certctl certificates show two.example')).stdout).toContain('two')
    const { exitCode, stderr } = await scene().run('certctl certificates renew shared.example')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('say which by id: one, two')
    await scene().run('certctl certificates archive two')
    expect((await scene().run('certctl certificates show shared.example')).exitCode).toBe(0)
  })
})
