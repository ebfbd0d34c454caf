//! The runs of a folder: what each says of itself, and an index of them.
//!
//! A run's folder holds `run.json` ([`Run`]): what was trained, how it stands, what came out. The
//! folders are the truth; `index.sqlite` beside them ([`Store`]) only finds runs fast, and is built
//! anew from them wherever it is missing.

mod claim;
mod entry;
mod key;
mod record;
mod store;

pub use claim::Claim;
pub use entry::Entry;
pub use key::key;
pub use record::{Run, Score, State, now};
pub use store::{Listed, Store, StoreError};
