//! What is seen, for programs.

use super::subject::{Network, Subject};
use crate::see::overlap::Line;
use crate::see::{Global, Look, Sight};
use serde_json::{Value, json};

/// All images; `overlaps` where the objects in them are known.
pub fn all(network: &Network, images: Vec<Value>, overlaps: &[Line]) -> Value {
    json!({
        "model": network.model.name,
        "weights": network.said,
        "images": images,
        "overlap": overlaps,
    })
}

/// One image: what the model says, who belongs to whom, what clusters are worth.
pub fn image(sight: &Sight, subject: &Subject, network: &Network, look: Look) -> Value {
    let named = |class: usize| json!({"class": class, "name": network.classes.get(class)});
    let probabilities: Vec<Value> = sight
        .guesses(usize::MAX)
        .iter()
        .map(|guess| {
            let mut named = named(guess.class);
            named["probability"] = json!(guess.probability);
            named
        })
        .collect();
    let views: Vec<Value> = sight
        .views
        .iter()
        .map(|view| {
            let clusters = view.regions.clusters.iter().zip(&view.colors).enumerate();
            let clusters: Vec<Value> = clusters
                .map(|(at, (cluster, &color))| {
                    json!({
                        "centers": cluster.centers,
                        "share": view.regions.share(at),
                        "color": look.palette.color(color),
                    })
                })
                .collect();
            json!({
                "stage": view.stage,
                "block": view.block,
                "head": view.head,
                "chosen": view.chosen,
                "clusters": clusters,
            })
        })
        .collect();
    let globals: Vec<Value> = sight.globals.iter().map(|global| of_all(global, look)).collect();
    json!({
        "image": subject.name,
        "truth": sight.truth.map(named),
        "speaks_of": named(sight.class),
        "probabilities": probabilities,
        "remarks": sight.remarks(),
        "heads": views,
        "all_stages": globals,
        "record": sight.record,
    })
}

fn of_all(global: &Global, look: Look) -> Value {
    let clusters = global.regions.clusters.iter().zip(&global.contributions).enumerate();
    let clusters: Vec<Value> = clusters
        .map(|(at, (cluster, worth))| {
            json!({
                "centers": cluster.centers,
                "share": global.regions.share(at),
                "color": look.palette.color(global.colors[at]),
                "drop": worth.drop,
                "keep": worth.keep,
                "score": worth.score,
            })
        })
        .collect();
    json!({"k": global.k, "clusters": clusters})
}
