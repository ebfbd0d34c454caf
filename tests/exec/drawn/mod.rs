//! The compiled executor against the reference on models that are drawn.
//!
//! `CLUEC_CASES` says how many, and `PROPTEST_RNG_SEED` which ones; where they are not set it is always
//! the same few.

mod text;

use super::compiled::{Both, KEY, Pair, batch, parameters};
use super::draw::Draw;
use super::exact::{exact, moved_by_roundings};
use super::ties::undecided;
use crate::text::check;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Models that are compared.
const CASES: u32 = 400;

/// Choices that make a model, and some to spare.
const TAPE: usize = 200;

/// On every drawn model loss, logits and all gradients of both executors agree. Texts that do not check
/// are passed over, and so are batches in which a pixel lies between two centers, or roundings alone move
/// the reference. All that can be said of a model's parts is said by one of those compared, so that a new
/// word or kind is drawn, too.
#[test]
fn drawn_models_agree() {
    let default = ProptestConfig::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        given => given,
    };
    let given = std::env::var("CLUEC_CASES").ok().and_then(|n| n.parse().ok());
    let config = ProptestConfig {
        cases: given.unwrap_or(CASES),
        max_global_rejects: 10 * given.unwrap_or(CASES),
        max_shrink_iters: 500,
        failure_persistence: None,
        rng_seed,
        ..default
    };
    let said = RefCell::new(BTreeSet::new());
    let result = TestRunner::new(config).run(&tape(), |tape| {
        let mut draw = Draw::new(tape);
        let images = draw.within(1..=5);
        let drawn = text::model(&mut draw);
        let text = check(&drawn.text);
        if text.diags.has_errors() {
            return Err(TestCaseError::reject("the text does not check"));
        }
        let graph = text.model("drawn").graph.as_ref().unwrap();
        let (parameters, batch) = (parameters(graph), batch(graph, images, 1));
        if undecided(graph, &parameters, &batch, KEY) {
            return Err(TestCaseError::reject("a pixel lies between two centers"));
        }
        let both = Both::new(graph, &parameters).numbers(&batch);
        if moved_by_roundings(&both, &exact(graph, &parameters, &batch, KEY)) {
            return Err(TestCaseError::reject("roundings alone move the reference"));
        }
        let differs =
            |error| TestCaseError::fail(format!("{error}\n{images} images\n{}", drawn.text));
        both.iter().try_for_each(Pair::agrees).map_err(differs)?;
        said.borrow_mut().extend(drawn.said);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let said = said.into_inner();
    let missing: Vec<_> = text::sayable().into_iter().filter(|word| !said.contains(word)).collect();
    assert!(missing.is_empty() || given.is_some(), "never drawn: {missing:#?}");
}

fn tape() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(any::<u16>(), TAPE)
}
