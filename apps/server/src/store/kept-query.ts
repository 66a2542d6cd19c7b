import pg from 'pg'

type Row = Record<string, unknown>
type Cells = readonly (string | null)[]
type MakeRow = (cells: Cells) => Row

export interface QueryAnswer {
  command: string | null
  rowCount: number | null
  rows: Row[]
}

/** What the driver's class has besides what its types tell: the client calls these by name. */
interface DriverQuery extends pg.Submittable {
  name: string | undefined
  callback: (error: Error | null, answer: QueryAnswer) => void
  _result: QueryAnswer
  _canceledDueToError: unknown
  hasBeenParsed(connection: object): boolean
  prepare(connection: object): void
  handleRowDescription(message: { fields: readonly pg.FieldDef[] }): void
  handleDataRow(message: { fields: Cells }): void
  handleCommandComplete(message: unknown, connection: object): void
}

const DriverQuery = pg.Query as unknown as new (text: string, values: readonly unknown[]) => DriverQuery

/**
 * A query of the driver's that lets the database describe the columns of a kept statement once per connection and makes all its rows alike.
 * The driver asks for them every time and builds each row name by name, which for tables of thirty columns takes as long as all else it does.
 * A kept statement never changes its columns: PostgreSQL refuses one whose columns have changed.
 */
class KeptQuery extends DriverQuery {
  #known: Known | undefined
  #makeRow: MakeRow | undefined

  override prepare(connection: object): void {
    this.#known = knownOn(connection)
    const makeRow = this.name === undefined ? undefined : this.#known.rows.get(this.name)
    this.#makeRow = makeRow
    super.prepare(makeRow !== undefined && this.hasBeenParsed(connection) ? this.#known.connection : connection)
  }

  override handleRowDescription({ fields }: { fields: readonly pg.FieldDef[] }): void {
    this.#makeRow = makerOf(fields)
  }

  override handleDataRow({ fields }: { fields: Cells }): void {
    try {
      this._result.rows.push((this.#makeRow as MakeRow)(fields))
    } catch (error) {
      this._canceledDueToError = error
    }
  }

  override handleCommandComplete(message: unknown, connection: object): void {
    if (this.name !== undefined) this.#known?.rows.set(this.name, this.#makeRow ?? none)
    super.handleCommandComplete(message, connection)
  }
}

/** Resolves with what the database answers. With a name, the statement is kept on the connection under it. */
export async function askDatabase(
  client: pg.ClientBase,
  { name, text, values }: { name: string | undefined; text: string; values: readonly unknown[] },
): Promise<QueryAnswer> {
  return await new Promise((resolve, reject) => {
    const query = new KeptQuery(text, values)
    query.name = name
    query.callback = (error, answer) => (error === null ? resolve(answer) : reject(error))
    client.query(query)
  })
}

interface Known {
  /** The same connection, on which nothing is described. */
  connection: object
  /** By name of the statement. */
  rows: Map<string, MakeRow>
}

const none: MakeRow = () => ({})
const knownByConnection = new WeakMap<object, Known>()

function knownOn(connection: object): Known {
  const known = knownByConnection.get(connection) ?? {
    connection: Object.create(connection, { describe: { value: () => undefined } }) as object,
    rows: new Map(),
  }
  knownByConnection.set(connection, known)
  return known
}

const makers = new Map<string, MakeRow>()

/** A function of its own for these columns, since only an object literal gives all its rows one shape at once. */
function makerOf(fields: readonly pg.FieldDef[]): MakeRow {
  const cells = fields.map(({ name }, index) => {
    const key = name === '__proto__' ? `["${name}"]` : JSON.stringify(name)
    return `${key}: cells[${index}] === null ? null : parsers[${index}](cells[${index}])`
  })
  const signature = `${fields.map(({ dataTypeID }) => dataTypeID).join()} ${cells.join()}`
  const known = makers.get(signature)
  if (known !== undefined) return known
  const parsers = fields.map(({ dataTypeID }) => pg.types.getTypeParser(dataTypeID, 'text'))
  const make: MakeRow = new Function('parsers', `return (cells) => ({ ${cells.join(', ')} })`)(parsers)
  makers.set(signature, make)
  return make
}
