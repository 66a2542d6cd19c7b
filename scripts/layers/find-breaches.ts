import { arrowBreaches } from './arrows.js'
import { type Breach, rules } from './rules.js'
import { readFacts } from './source-facts.js'

/** Every breach of the nevers and the arrows, one line each: where, what, and which rule. Paths are from the root, with slashes. */
export function findBreaches(sources: readonly { path: string; text: string }[]): string[] {
  const files = sources.map(({ path, text }) => readFacts(path, text))
  const byPath = new Map(files.map((file) => [file.path.replace(/\.tsx?$/, ''), file]))
  const broken = rules.flatMap(({ number, never, breaches }) =>
    files
      .flatMap((file) => breaches(file, byPath))
      .map((breach) => ({ place: placeOf(breach), rule: `never ${number}: ${never}` })),
  )
  const known = new Set(broken.map(({ place }) => place))
  const astray = files
    .flatMap(arrowBreaches)
    .map((breach) => ({ place: placeOf(breach), rule: 'no arrow leads there' }))
    .filter(({ place }) => !known.has(place))
  return [...broken, ...astray].map(({ place, rule }) => `${place}  (${rule})`)
}

function placeOf({ path, line, found }: Breach): string {
  return `${path}:${line} ${found}`
}
