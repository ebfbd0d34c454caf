//! `curves.svg`.

use cluec::train::{Record, curves};

fn record(kind: &str, step: u64, loss: f64, top1: f64) -> Record {
    Record {
        kind: kind.into(),
        step,
        epoch: 1,
        loss,
        top1,
        top3: None,
        lr: (kind == "train").then_some(1e-3),
        images_per_second: None,
        broken: 0,
        overflowed: 0,
        skipped: 0,
        loss_scale: None,
        clusters: Default::default(),
    }
}

#[test]
fn three_panels_with_a_line_for_training_and_one_for_testing() {
    let records = [
        record("train", 10, 2.0, 0.1),
        record("train", 20, 1.0, 0.4),
        record("eval", 20, 1.5, 0.3),
    ];
    insta::assert_snapshot!(curves(&records));
}

#[test]
fn few_or_odd_numbers_still_give_a_picture() {
    for records in [
        vec![],
        vec![record("train", 1, 1.0, 0.0)],
        vec![record("train", 1, f64::NAN, 0.0), record("train", 2, f64::INFINITY, 0.5)],
        vec![record("train", 10, 1e-9, 1.0), record("train", 20, 1e9, 1.0)],
    ] {
        let svg = curves(&records);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
