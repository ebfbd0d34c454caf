//! The learning rate of every step.

use super::model;
use cluec::train::Schedule;

/// Tables of timm's scheduler as the published code drives it.
#[test]
fn the_published_schedule_is_met_in_every_epoch() {
    for (lr, table) in
        [(0.015, include_str!("lr_0.015.json")), (0.002, include_str!("lr_0.002.json"))]
    {
        let table: Vec<f64> = serde_json::from_str(table).unwrap();
        assert_eq!(table.len(), 105);
        let schedule = Schedule::Cosine { lr, to: 1e-5, warmup: 5.0, from: 1e-6, per_epoch: true };
        for (epoch, expected) in table.into_iter().enumerate() {
            // All steps of an epoch alike.
            for batch in [0, 195] {
                let found = schedule.lr(epoch as u64, batch, 196, 105);
                let error = (found - expected).abs() / expected;
                assert!(error < 1e-13, "lr {lr}, epoch {epoch}: {found} for {expected}");
            }
        }
    }
}

/// The text says the same as the numbers above.
#[test]
fn the_published_recipes_ask_for_it() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/models/cluenet_cifar.clue");
    let mut sources = cluec::diag::Sources::default();
    let (program, _) = cluec::compile(&mut sources, file, &[]);
    let recipe = program.models[0].recipe.clone().unwrap();
    let schedule = Schedule::of(&recipe);
    let cosine = |lr| Schedule::Cosine { lr, to: 1e-5, warmup: 5.0, from: 1e-6, per_epoch: true };
    assert_eq!(schedule, cosine(0.015));
    assert_eq!(recipe.epochs.value.0, 105);
}

#[test]
fn steps_move_it_within_an_epoch() {
    let schedule = Schedule::Cosine { lr: 1.0, to: 0.0, warmup: 1.0, from: 0.5, per_epoch: false };
    let lr = |epoch, batch| schedule.lr(epoch, batch, 10, 4);
    assert_eq!([lr(0, 0), lr(0, 5)], [0.5, 0.75]);
    assert!((lr(2, 0) - 0.5).abs() < 1e-12, "half way");
    assert!(lr(2, 0) > lr(2, 1) && lr(3, 9) > 0.0 && lr(3, 9) < 0.01);
    let constant = model(super::TINY, &["recipe.schedule=constant"]).recipe.unwrap();
    assert_eq!(Schedule::of(&constant), Schedule::Constant { lr: 3e-3 });
}
