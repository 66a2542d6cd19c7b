import { type Operation, openApi, operations } from '@certctl/api'

/** The interface for people: one page, nothing loaded from anywhere. */
export function docsPage(version: string): string {
  const all: readonly Operation[] = Object.values(operations)
  const names = [...new Set(all.map(groupOf))]
  const sections = names.map((name) => {
    const entries = all.filter((operation) => groupOf(operation) === name)
    return `<h2>${escapeHtml(name)}</h2>\n${entries.map(entryOf).join('\n')}`
  })
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>certctl API ${escapeHtml(version)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
code { font: 13px/1.4 ui-monospace, monospace } details { border-top: 1px solid #ccc; padding: .4rem 0 }
summary { cursor: pointer } .m { display: inline-block; width: 4.5rem; font-weight: 600 } pre { overflow: auto; background: #f4f4f4; padding: .6rem }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #161616 } pre { background: #262626 } details { border-color: #444 } }
</style></head><body>
<h1>certctl API</h1>
<p>Version ${escapeHtml(version)}. Machine-readable: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).
Send <code>Authorization: Bearer &lt;key&gt;</code>. Refusals are problem documents (RFC 9457).</p>
${sections.join('\n')}
</body></html>
`
}

function groupOf({ path }: Operation): string {
  return (
    path
      .replace(/^\/api\/v1\//, '')
      .split('/')
      .find((step) => step !== '') ?? 'server'
  )
}

function entryOf(operation: Operation): string {
  const { method, path, summary, permission, agent } = operation
  const described = openApi({ [operation.operationId]: operation }, { title: 'certctl', version: '1' })
  const paths = described.paths as Record<string, Record<string, unknown>>
  const text = JSON.stringify(paths[path]?.[method.toLowerCase()], null, 2)
  const who = agent === undefined ? permission : `${permission}, or the agent itself`
  return `<details><summary><span class="m">${method}</span> <code>${escapeHtml(path)}</code> ${escapeHtml(summary)}</summary>
<p>Needs: ${escapeHtml(who)}</p><pre>${escapeHtml(text)}</pre></details>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
