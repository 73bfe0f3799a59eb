/** Limits of metadata sessions: each has a unit in its name, a finite value and its reason. */
export const limits = {
  /** A commit of DuckLake is one text; 100,000 inlined rows are about 10 MB. Beyond this, COPY is the way. */
  statementCharactersMax: 64 * 1024 * 1024,
  /** Recursive descent must end long before the JavaScript stack does. */
  nestingDepthMax: 200,
  /** A session that has written and then is silent holds conflicts against every other writer (rule 25). */
  idleAfterWriteMsMax: 10_000,
  /** A transaction that has been open longer may not write: its files may be taken for nobody's (rule 14). */
  writeTransactionMsMax: 6 * 3_600_000,
  /** How long maintenance waits for a moment without transactions, in which none can begin: what a user may notice of it. */
  quiesceMsMax: 100,
  /** How long somebody who was refused is waited for: a little more than the longest sleep between DuckLake's retries. */
  returnMsMax: 5_000,
  /** Sessions on all lakes of this pod: each holds a DuckDB connection. */
  sessionsMax: 1_000,
  /** One line of COPY text; PostgreSQL's own limit on a row is 1 GB, metadata rows are small. */
  copyLineBytesMax: 16 * 1024 * 1024,
  /** Rows gathered before they are handed to DuckDB in one piece. */
  copyRowsPerInsert: 2_048,
  /** Plans that a session keeps for texts that come again and again: DuckLake has about 60 of them. */
  plansPerSessionMax: 96,
  /** Rows of an answer that is asked for in one step the next time: one chunk of DuckDB. */
  smallAnswerRows: 2_048,
  /** Bytes of one answer that is kept, encoded: the list of some 30,000 data files. */
  answerBytesMax: 4 * 1024 * 1024,
  /** Bytes of all answers that are kept for one lake; an idle lake that was never asked much keeps next to nothing. */
  answersBytesMax: 32 * 1024 * 1024,
  /** A transaction that begins waits so long for a commit that is being made, and then asks DuckDB for its snapshot. */
  commitWaitMsMax: 50,
  /** A turn to commit ends after so long a silence: a stock client needs 5 to 20 ms from its look at the latest snapshot to its COMMIT. */
  turnSilenceMsMax: 250,
  /** A turn ends after this in any case; only a machine that is far too busy needs more than some ten milliseconds. */
  turnMsMax: 5_000,
  /** Who comes back so soon after a commit is waited for, and has so many turns in a row; a stock client in a loop needs 2 to 5 ms. */
  turnReturnMsMax: 10,
  turnsInRowMax: 8,
  /** A transaction that waits for its turn goes on without one after this: by then something else is wrong. */
  turnWaitMsMax: 30_000,
  /** Rows of one statement of a commit that waits for COMMIT: their literals are held, and looked through for every kept answer. */
  deferredRowsMax: 256,
  /** Bytes of the statements of a commit that wait. */
  deferredCharactersMax: 1024 * 1024,
  /** Bytes of a commit that may be made without DuckDB; a larger one is worth DuckDB's time. */
  recordedBytesMax: 256 * 1024,
  /** Literals that are taken out of one text; longer lists are run as they are. */
  takenLiteralsMax: 48,
  /** Values of an IN list that may be taken out: each length is a shape of its own. */
  takenListMax: 4,
  /** Columns of a table; more is a mistake or an attack. */
  tableColumnsMax: 10_000,
} as const;
