import { type Dialect, DummyDriver, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'

export const adapter = new PostgresAdapter()

/** It compiles one statement after the other, whoever asks. */
export const compiler = new PostgresQueryCompiler()

/** Makes statements for PostgreSQL and asks nothing. */
export const dialect: Dialect = {
  createAdapter: () => adapter,
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => compiler,
  createDriver: () => new DummyDriver(),
}
