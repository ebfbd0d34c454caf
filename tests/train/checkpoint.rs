//! Checkpoints: whole or not at all, of this graph or refused.

use super::{TINY, model};
use cluec::exec::init::initialize;
use cluec::graph::Graph;
use cluec::train::{Checkpoint, Earlier, Exact, FORMAT, Meta, Scale, Window};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::fs;

fn checkpoint(graph: &Graph, source: &str) -> Checkpoint {
    let parameters = initialize(graph, 1);
    let meta = Meta {
        format: FORMAT,
        version: "0.1.0".into(),
        model: graph.name.clone(),
        source: source.into(),
        graph_hash: graph.hash(),
        seed: u64::MAX,
        batch_size: 8,
        data: None,
        train_images: 52,
        train_fingerprint: Some("0123456789abcdef".into()),
        classes: vec!["ein Ä".into(), "\"".into()],
        step: 9,
        epoch: 1,
        batch: 2,
        lr: Some(Exact(3e-4)),
        updates: 8,
        skipped: 1,
        scaling: Some(Scale { scale: Exact(0.1 + 0.2), good: 3, start: Exact(1e3) }),
        evaluated: 7,
        best_top1: Some(Exact(0.1 + 0.2)),
        metrics_lines: 2,
        window: Window {
            loss: Exact(1.0 / 3.0),
            right: 3,
            images: 16,
            steps: 2,
            broken: 3,
            skipped: 1,
        },
        earlier: vec![Earlier { until: 4, key: "0123456789abcdef".into() }],
    };
    Checkpoint {
        meta,
        names: graph.params.iter().map(|p| p.name.clone()).collect(),
        shapes: graph.params.iter().map(|p| p.shape.clone()).collect(),
        kept: vec![
            ("adamw.m".into(), initialize(graph, 2)),
            ("adamw.v".into(), initialize(graph, 3)),
        ],
        average: Some(initialize(graph, 4)),
        parameters,
    }
}

fn refused(path: &std::path::Path) -> String {
    let error = Checkpoint::load(path).unwrap_err().to_string();
    let name = path.display().to_string();
    error.replace(&name, "X")
}

#[test]
fn what_is_saved_is_loaded_to_the_bit() {
    let model = model(TINY, &[]);
    let graph = model.graph.clone().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let mut saved = checkpoint(&graph, &model.text());
    saved.parameters[0][0] = f32::MIN_POSITIVE / 3.0;
    saved.save(&path).unwrap();
    let loaded = Checkpoint::load(&path).unwrap();
    assert_eq!(loaded.meta, saved.meta);
    assert_eq!(loaded.clone().fitted(&graph).unwrap(), saved);
    // Nothing else lies there, and saving again replaces it.
    saved.meta.step = 10;
    saved.save(&path).unwrap();
    assert_eq!(Checkpoint::load(&path).unwrap().meta.step, 10);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_checkpoint_that_can_not_be_written_leaves_the_old_one() {
    let graph = model(TINY, &[]).graph.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let mut saved = checkpoint(&graph, TINY);
    saved.save(&path).unwrap();
    let before = fs::read(&path).unwrap();
    // Something is in the way.
    fs::create_dir(folder.path().join("last.draft")).unwrap();
    saved.meta.step = 10;
    let error = saved.save(&path).unwrap_err().to_string();
    assert!(error.contains("last.safetensors can not be written"), "{error}");
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn a_file_cut_short_or_foreign_is_an_error() {
    let graph = model(TINY, &[]).graph.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    assert!(refused(&path).starts_with("the checkpoint X can not be read: No such file"));
    checkpoint(&graph, TINY).save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    for end in [0, 1, 7, 8, 100, 2000, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..end]).unwrap();
        let error = refused(&path);
        assert!(error.starts_with("the checkpoint X can not be read: it is "), "{end}: {error}");
        assert!(error.contains("no file of safetensors"), "{end}: {error}");
    }
    for garbage in [&b"PK\x03\x04 not a checkpoint"[..], &[0xff; 4096]] {
        fs::write(&path, garbage).unwrap();
        let error = refused(&path);
        assert!(error.contains("can not be read: it is no file of safetensors"), "{error}");
    }
    let write = |meta: Option<&str>, tensors: &[(&str, Vec<usize>)]| {
        let zeros = [0; 64];
        let views = tensors.iter().map(|(name, shape)| {
            let bytes = &zeros[..4 * shape.iter().product::<usize>()];
            (*name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        });
        let meta = meta.map(|text| HashMap::from([("cluec".to_string(), text.to_string())]));
        fs::write(&path, safetensors::serialize(views, meta).unwrap()).unwrap();
        refused(&path)
    };
    let head = ("head.weight", vec![2, 3]);
    let foreign = write(None, &[head]);
    assert_eq!(foreign, "the checkpoint X can not be read: it was not written by cluec");
    let later = write(Some(r#"{"format": 7}"#), &[]);
    assert_eq!(later, "the checkpoint X can not be read: its format is 7, and this cluec reads 1");
    assert!(write(Some(r#"{"format": 1}"#), &[]).contains("missing field"));
    let meta = serde_json::to_string(&checkpoint(&graph, TINY).meta).unwrap();
    let parameter = ("parameters/a", vec![2]);
    let other = ("adamw.m/b", vec![2]);
    let lacking = write(Some(&meta), &[parameter.clone(), other]);
    assert!(lacking.contains("adamw.m/a"), "{lacking}");
    let moments = [parameter, ("adamw.m/a", vec![2]), ("adamw.v/a", vec![3])];
    let misshapen = write(Some(&meta), &moments);
    assert!(misshapen.ends_with("`adamw.v/a` is not shaped as its parameter"), "{misshapen}");
}

#[test]
fn another_graph_is_refused_with_the_difference() {
    let saved = checkpoint(&model(TINY, &[]).graph.unwrap(), TINY);
    let refused = |sets: &[&str]| {
        let graph = model(TINY, sets).graph.unwrap();
        let message = saved.clone().fitted(&graph).unwrap_err().to_string();
        // Hashes move when an op gains a setting.
        message.replace(&saved.meta.graph_hash, "there").replace(&graph.hash(), "here")
    };
    insta::assert_snapshot!(refused(&["classes=5", "blocks=1", "mixer.fuse=fixed"]));
    // The same parameters, and yet another function.
    insta::assert_snapshot!(refused(&["mixer.grid=3x3"]));
}
