//! The learning rate of every step.

use super::{TINY, model};
use cluec::train::{Curve, Schedule};

/// A cosine over all epochs whose first five are a warm-up, as the published code has it.
fn published(lr: f64) -> Schedule {
    Schedule { lr, curve: Curve::Cosine { to: 1e-5 }, warmup: 5.0, from: 1e-6, per_epoch: true }
}

/// Tables of timm's scheduler as the published code drives it.
#[test]
fn the_published_schedule_is_met_in_every_epoch() {
    for (lr, table) in
        [(0.015, include_str!("lr_0.015.json")), (0.002, include_str!("lr_0.002.json"))]
    {
        let table: Vec<f64> = serde_json::from_str(table).unwrap();
        assert_eq!(table.len(), 105);
        let schedule = published(lr);
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
    assert_eq!(Schedule::of(&recipe, None), published(0.015));
    assert_eq!(recipe.epochs.value.0, 105);
}

#[test]
fn steps_move_it_within_an_epoch() {
    let curve = Curve::Cosine { to: 0.0 };
    let schedule = Schedule { lr: 1.0, curve, warmup: 1.0, from: 0.5, per_epoch: false };
    let lr = |epoch, batch| schedule.lr(epoch, batch, 10, 4);
    assert_eq!([lr(0, 0), lr(0, 5)], [0.5, 0.75]);
    assert!((lr(2, 0) - 0.5).abs() < 1e-12, "half way");
    assert!(lr(2, 0) > lr(2, 1) && lr(3, 9) > 0.0 && lr(3, 9) < 0.01);
}

/// Every kind of the language is a curve, and begins with a warm-up if it says so.
#[test]
fn recipes_name_curves() {
    let of = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| format!("recipe.schedule{set}")).collect();
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        Schedule::of(&model(TINY, &sets).recipe.unwrap(), None)
    };
    let plain = |curve| Schedule { lr: 3e-3, curve, warmup: 0.0, from: 0.0, per_epoch: false };
    assert_eq!(of(&["=constant"]), plain(Curve::Constant));
    assert_eq!(of(&["=linear", ".to=1e-4"]), plain(Curve::Linear { to: 1e-4 }));
    let poly = Curve::Poly { to: 0.0, power: 2.0 };
    assert_eq!(of(&["=poly", ".power=2"]), plain(poly));
    let exponential = Curve::Exponential { factor: 0.9 };
    assert_eq!(of(&["=exponential", ".factor=0.9"]), plain(exponential));
    let cycle = Curve::OneCycle { rise: 0.3, from: 0.04, to: 4e-6 };
    assert_eq!(of(&["=one_cycle"]), plain(cycle));
    let steps = Curve::Steps { at: vec![1.0, 2.5], factor: 0.1 };
    let warm = ["=steps", ".at=1 2.5", ".warmup=1", ".warmup_from=1e-5", ".step=epoch"];
    let found = of(&warm);
    assert_eq!(found, Schedule { warmup: 1.0, from: 1e-5, per_epoch: true, ..plain(steps) });
    assert_eq!(found.lr(0, 6, 7, 4), 1e-5);
    for (epoch, batch, expected) in [(1, 0, 3e-4), (2, 6, 3e-4), (3, 0, 3e-5)] {
        assert!((found.lr(epoch, batch, 7, 4) / expected - 1.0).abs() < 1e-12);
    }
}
