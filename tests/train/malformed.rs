//! Checkpoints, metrics and indices that are damaged or made up: an error or what is left of them, no
//! panic, nothing reserved for what is only claimed.

use super::{Bench, TINY, model};
use crate::allocation::within;
use crate::robust::cases;
use crate::weights::malformed::{changes, mutated};
use cluec::exec::init::initialize;
use cluec::runs::Store;
use cluec::train::{Checkpoint, Meta, Metrics, RunFolder};
use proptest::prelude::*;
use std::fs;
use std::sync::OnceLock;

/// The bytes of a checkpoint.
fn checkpoint() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let graph = model(TINY, &[]).graph.unwrap();
        let meta = Meta { source: TINY.to_string(), ..Meta::untrained(&graph) };
        let file = tempfile::NamedTempFile::new().unwrap();
        let parameters = initialize(&graph, 1);
        Checkpoint::untrained(&graph, parameters, meta).save(file.path()).unwrap();
        fs::read(file.path()).unwrap()
    })
}

/// A folder of two runs with its index, and the bytes of that.
fn indexed() -> &'static (Bench, Vec<u8>) {
    static RUNS: OnceLock<(Bench, Vec<u8>)> = OnceLock::new();
    RUNS.get_or_init(|| {
        let bench = Bench::new();
        bench.fine("train tiny.clue --steps 1");
        bench.fine("train tiny.clue --steps 1 --seed 6");
        // Once it is closed all of it is in the one file.
        let index = Store::path(&bench.path("runs"));
        bench.fine("runs");
        let bytes = fs::read(index).unwrap();
        assert!(bytes.starts_with(b"SQLite format 3"));
        (bench, bytes)
    })
}

fn reads(bytes: &[u8]) {
    within(64 * bytes.len() + (1 << 20), || {
        let Ok(read) = Checkpoint::read(bytes) else { return };
        // One that is read fits the model, or says why not.
        let _ = read.fitted(&model(TINY, &[]).graph.unwrap());
    });
}

#[test]
fn a_header_may_claim_what_it_likes() {
    let whole = checkpoint();
    for claim in [1u64 << 60, u64::MAX, 1 << 32, whole.len() as u64, 0] {
        let bytes = [&claim.to_le_bytes()[..], &whole[8..]].concat();
        assert!(within(1 << 20, || Checkpoint::read(&bytes)).is_err(), "{claim}");
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn mutated_checkpoints(changes in changes(), head in any::<bool>()) {
        // Half of the damage goes to the header, which is a twentieth of it.
        let (front, back) = checkpoint().split_at(3000);
        let bytes = match head {
            true => [&mutated(front.to_vec(), &changes), back].concat(),
            false => mutated(checkpoint().to_vec(), &changes),
        };
        reads(&bytes);
    }

    #[test]
    fn mutated_metrics(changes in changes()) {
        let lines = "{\"kind\":\"train\",\"step\":10,\"epoch\":1,\"loss\":1.5,\"top1\":0.5,\"lr\":0.1}\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), mutated(lines.repeat(5).into_bytes(), &changes)).unwrap();
        let known = Metrics::read(file.path()).unwrap();
        assert!(known.len() <= 6);
        within(1 << 20, || Metrics::open(file.path(), 3)).unwrap();
    }
}

proptest! {
    // Each opens a data base.
    #![proptest_config(ProptestConfig { cases: cases().cases.min(300), ..cases() })]

    #[test]
    fn mutated_indices(changes in changes()) {
        let (bench, whole) = indexed();
        let root = tempfile::tempdir().unwrap();
        for run in ["tiny", "tiny-2"] {
            fs::create_dir(root.path().join(run)).unwrap();
            let record = |root: &std::path::Path| RunFolder::open(&root.join(run)).record();
            fs::copy(record(&bench.path("runs")), record(root.path())).unwrap();
        }
        fs::write(Store::path(root.path()), mutated(whole.clone(), &changes)).unwrap();
        let used = || -> Result<usize, _> {
            let mut store = Store::open(root.path())?;
            store.sync()?;
            store.all().map(|runs| runs.len())
        };
        // Built anew from the folders, or an error that says what it is of.
        match within(64 << 20, used) {
            Ok(runs) => assert_eq!(runs, 2),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
