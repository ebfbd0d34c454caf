//! `index.sqlite`: an index of the runs in a folder.
//!
//! One row a run: its `run.json` as it is, and columns that follow from it. Many processes may write
//! at once (SQLite's write-ahead log); each waits for the others.

use super::record::{Run, State};
use crate::train::RunFolder;
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, ffi, params,
};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// An index can not be read or written.
#[derive(Debug)]
pub struct StoreError(pub String);

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError(format!("the index of runs: {error}"))
    }
}
impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        StoreError(format!("a run: {error}"))
    }
}

/// Of this layout; an index of another is built anew.
const LAYOUT: i64 = 1;
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS runs (
        folder   TEXT PRIMARY KEY,
        stamp    TEXT NOT NULL,
        record   TEXT NOT NULL,
        key      TEXT AS (record ->> 'key') STORED,
        model    TEXT AS (record ->> 'model') STORED,
        ablation TEXT AS (record ->> 'ablation') STORED,
        seed     INTEGER AS (record ->> 'seed') STORED,
        state    TEXT AS (record ->> 'state') STORED,
        began    INTEGER AS (record ->> 'began') STORED,
        params   INTEGER AS (record ->> 'params') STORED,
        loss     REAL AS (record ->> '$.score.loss') STORED,
        top1     REAL AS (record ->> '$.score.top1') STORED,
        top3     REAL AS (record ->> '$.score.top3') STORED
    ) STRICT;
    CREATE INDEX IF NOT EXISTS runs_by_key ON runs (key);";

/// How long one waits for other processes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Folders below the root in which runs lie.
const DEPTH: usize = 3;

/// The index of the runs in a folder.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    db: Connection,
}

/// A run of the index.
#[derive(Debug, Clone)]
pub struct Listed {
    pub folder: RunFolder,
    pub run: Run,
    /// How it stands now.
    pub state: State,
    /// `2026-11-26 01:22`, by this machine's clock.
    pub began: String,
}

impl Store {
    /// Where the index of a folder lies.
    pub fn path(root: &Path) -> PathBuf {
        root.join("index.sqlite")
    }

    /// Opens the index of a folder, which is made if it is not there; one that is missing or can not
    /// be read is built from the runs.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        std::fs::create_dir_all(root)?;
        let path = Store::path(root);
        let began = Instant::now();
        loop {
            match connect(&path) {
                Ok((db, fresh)) => {
                    let mut store = Store { root: root.to_path_buf(), db };
                    if fresh {
                        store.sync()?;
                    }
                    return Ok(store);
                }
                // Several processes make it at once.
                Err(error) if is_busy(&error) && began.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) if is_broken(&error) => {
                    for end in ["-wal", "-shm"] {
                        let _ = std::fs::remove_file(root.join(format!("index.sqlite{end}")));
                    }
                    // One that can not go would be found broken forever.
                    std::fs::remove_file(&path)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What [`Store::sync`] and [`Store::all`] give, by an index that lies in memory alone: for where none
    /// can be written.
    pub fn unwritten(root: &Path) -> Result<(Vec<String>, Vec<Listed>), StoreError> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(TABLE)?;
        let mut store = Store { root: root.to_path_buf(), db };
        Ok((store.sync()?, store.all()?))
    }

    /// The run of a folder, wherever that lies; none if it holds none.
    pub fn of(folder: &RunFolder) -> Result<Option<Listed>, StoreError> {
        if Run::read(folder)?.is_none() {
            return Ok(None);
        }
        let db = Connection::open_in_memory()?;
        db.execute_batch(TABLE)?;
        let store = Store { root: folder.path.clone(), db };
        store.note(folder)?;
        let run = store.all()?.pop();
        Ok(run.map(|run| Listed { folder: folder.clone(), ..run }))
    }

    /// The index that a run belongs to: of a folder around it that has one, or of a folder `runs`
    /// that it lies in.
    pub fn around(folder: &RunFolder) -> Result<Option<Store>, StoreError> {
        let whole = std::fs::canonicalize(&folder.path)?;
        let mut around = whole.ancestors().skip(1).take(DEPTH);
        if let Some(root) = around.clone().find(|root| Store::path(root).exists()) {
            return Store::open(root).map(Some);
        }
        match around.find(|root| root.file_name().is_some_and(|name| name == "runs")) {
            Some(root) => Store::open(root).map(Some),
            None => Ok(None),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Notes what a run says of itself.
    pub fn note(&self, folder: &RunFolder) -> Result<(), StoreError> {
        Ok(put(&self.db, &self.root, folder)??)
    }

    /// Makes the index what the folders say; gives the reasons why runs can not be listed.
    pub fn sync(&mut self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        let mut damaged = Vec::new();
        collect(&self.root, DEPTH, &mut found)?;
        self.alone(|db, root| {
            let mut known = HashSet::new();
            for folder in &found {
                match put(db, root, folder)? {
                    Ok(()) => drop(known.insert(name(root, folder)?)),
                    Err(why) => damaged.push(why.to_string()),
                }
            }
            let mut statement = db.prepare("SELECT folder FROM runs")?;
            let all: Vec<String> =
                statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            for gone in all.iter().filter(|name| !known.contains(*name)) {
                db.execute("DELETE FROM runs WHERE folder = ?1", [gone])?;
            }
            Ok(damaged)
        })
    }

    /// Every run, the latest last.
    pub fn all(&self) -> Result<Vec<Listed>, StoreError> {
        let mut statement = self.db.prepare(
            "SELECT folder, record, strftime('%Y-%m-%d %H:%M', began, 'unixepoch', 'localtime')
             FROM runs ORDER BY began, folder",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        let mut runs = Vec::new();
        for row in rows {
            let (folder, record, began) = row?;
            let folder = RunFolder::open(&self.root.join(folder));
            let run: Run = serde_json::from_str(&record).map_err(io::Error::from)?;
            runs.push(Listed { state: run.state(&folder), folder, run, began });
        }
        Ok(runs)
    }

    /// Does something while no other process writes.
    pub(super) fn alone<T>(
        &mut self,
        act: impl FnOnce(&Connection, &Path) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
        let result = act(&transaction, &self.root)?;
        transaction.commit()?;
        Ok(result)
    }
}

/// A connection, and whether the index was empty.
fn connect(path: &Path) -> rusqlite::Result<(Connection, bool)> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(PATIENCE)?;
    // Whatever a foreign file says: no functions run for its sake, and its pages are looked at.
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "normal")?;
    let sound: String = db.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if sound != "ok" {
        let corrupt = ffi::Error::new(ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(corrupt, Some(sound)));
    }
    let transaction = Transaction::new(&mut db, TransactionBehavior::Immediate)?;
    let layout: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if layout != LAYOUT {
        transaction.execute_batch("DROP TABLE IF EXISTS runs")?;
        transaction.execute_batch(TABLE)?;
        transaction.pragma_update(None, "user_version", LAYOUT)?;
    }
    transaction.commit()?;
    Ok((db, layout != LAYOUT))
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn is_broken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// The folders of the runs of a key, the latest first.
pub(super) fn folders(
    db: &Connection,
    root: &Path,
    key: &str,
) -> Result<Vec<RunFolder>, StoreError> {
    let mut statement =
        db.prepare("SELECT folder FROM runs WHERE key = ?1 ORDER BY began DESC, folder DESC")?;
    let names: Vec<String> =
        statement.query_map([key], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names.iter().map(|name| RunFolder::open(&root.join(name))).collect())
}

/// Takes in what a run says of itself, if that is new; or why that can not be read.
pub(super) fn put(
    db: &Connection,
    root: &Path,
    folder: &RunFolder,
) -> Result<io::Result<()>, StoreError> {
    let name = name(root, folder)?;
    let about = std::fs::metadata(folder.record())?;
    let stamp = format!("{:?} {}", about.modified()?, about.len());
    let known: Option<String> = db
        .query_row("SELECT stamp FROM runs WHERE folder = ?1", [&name], |row| row.get(0))
        .optional()?;
    if known.as_ref() == Some(&stamp) {
        return Ok(Ok(()));
    }
    // What can not be read is not listed, and does not keep the others from it.
    let run = match Run::read(folder) {
        Ok(Some(run)) => run,
        Ok(None) => return Ok(Ok(())),
        Err(why) => return Ok(Err(why)),
    };
    let record = serde_json::to_string(&run).map_err(io::Error::from)?;
    db.execute(
        "INSERT INTO runs (folder, stamp, record) VALUES (?1, ?2, ?3)
         ON CONFLICT (folder) DO UPDATE SET stamp = excluded.stamp, record = excluded.record",
        params![name, stamp, record],
    )?;
    Ok(Ok(()))
}

/// A folder as it is called from the root.
fn name(root: &Path, folder: &RunFolder) -> Result<String, StoreError> {
    let inside = match folder.path.strip_prefix(root) {
        Ok(inside) => inside.to_path_buf(),
        Err(_) => {
            let (whole, root) = (folder.path.canonicalize()?, root.canonicalize()?);
            let inside = whole.strip_prefix(&root);
            inside.map_err(|_| StoreError(format!("{} lies elsewhere", whole.display())))?.into()
        }
    };
    Ok(inside.to_string_lossy().into_owned())
}

/// Every folder below that holds a run, those in another run's folder among them.
fn collect(folder: &Path, depth: usize, found: &mut Vec<RunFolder>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let run = RunFolder::open(&entry.path());
        if run.record().exists() {
            found.push(run);
        }
        if depth > 1 {
            collect(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}
