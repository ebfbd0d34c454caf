//! k-means beside scikit-learn's on the same points.

use cluec::see::statistics::adjusted_rand;
use cluec::see::{kmeans, record, regions};
use serde_json::Value;

fn recorded() -> Value {
    serde_json::from_str(include_str!("recorded.json")).unwrap()
}

fn numbers<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    serde_json::from_value(value.clone()).unwrap()
}

fn points(set: &Value) -> Vec<Vec<f32>> {
    set["points"].as_array().unwrap().iter().map(numbers).collect()
}

#[test]
fn clusters_that_lie_apart_are_those_of_scikit_learn() {
    let all = recorded();
    let points = points(&all["kmeans"][0]);
    let points: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
    for case in all["kmeans"][0]["cases"].as_array().unwrap() {
        let k = case["k"].as_u64().unwrap() as usize;
        let theirs: Vec<u32> = numbers(&case["labels"]);
        let inertia = case["inertia"].as_f64().unwrap();
        for seed in 0..20 {
            let ours = kmeans(&points, k, seed);
            // With fewer clusters than heaps there are several good divisions.
            if k == 5 {
                assert_eq!(adjusted_rand(&ours.labels, &theirs), 1.0, "seed {seed}");
                assert!(
                    (ours.inertia - inertia).abs() < 1e-4 * inertia,
                    "{} {inertia}",
                    ours.inertia
                );
            }
            let best = case["best_of_100"].as_f64().unwrap();
            assert!(ours.inertia >= best * (1.0 - 1e-4), "{} {best}", ours.inertia);
        }
        let best = (0..20).map(|seed| kmeans(&points, k, seed).inertia).fold(f64::MAX, f64::min);
        assert!((best - case["best_of_100"].as_f64().unwrap()).abs() < 1e-4 * best, "{k}: {best}");
    }
}

/// Where nothing lies apart one run ends as well as one of scikit-learn, in the mean of twenty.
#[test]
fn one_run_ends_as_well() {
    let all = recorded();
    let points = points(&all["kmeans"][1]);
    let points: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
    for case in all["kmeans"][1]["cases"].as_array().unwrap() {
        let k = case["k"].as_u64().unwrap() as usize;
        let theirs = case["mean_of_20"].as_f64().unwrap();
        let ours = (0..20).map(|seed| kmeans(&points, k, seed).inertia).sum::<f64>() / 20.0;
        println!("k {k}: {ours:.2}, theirs {theirs:.2}, best {}", case["best_of_100"]);
        assert!(ours < 1.03 * theirs, "{k}: {ours} {theirs}");
    }
}

#[test]
fn the_same_points_give_the_same_clusters() {
    let all = recorded();
    let points = points(&all["kmeans"][1]);
    let points: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
    assert_eq!(kmeans(&points, 5, 3), kmeans(&points, 5, 3));
    assert_ne!(kmeans(&points, 5, 3).labels, kmeans(&points, 5, 4).labels);
    // As many clusters as points, or fewer points than clusters: each point by itself.
    let alone = kmeans(&points[..4], 9, 0);
    let mut labels = alone.labels.clone();
    labels.sort_unstable();
    assert_eq!((labels, alone.inertia), (vec![0, 1, 2, 3], 0.0));
    // Points that are all one.
    let one = [[1.0f32, 2.0].as_slice(); 5];
    assert_eq!(kmeans(&one, 3, 0).inertia, 0.0);
    assert_eq!(kmeans(&[], 3, 0).labels, [] as [u32; 0]);
}

#[test]
fn the_adjusted_rand_index_is_that_of_scikit_learn() {
    for pair in recorded()["adjusted_rand"].as_array().unwrap() {
        let (a, b): (Vec<u32>, Vec<u32>) = (numbers(&pair["a"]), numbers(&pair["b"]));
        let index = pair["index"].as_f64().unwrap();
        assert!((adjusted_rand(&a, &b) - index).abs() < 1e-12, "{index}");
    }
}

#[test]
fn regions_merge_by_their_descriptors() {
    let clusters = record::Clusters {
        map: [2, 3],
        grid: [2, 3],
        windows: [1, 1],
        assignment: vec![0, 1, 2, 3, 3, 5],
        // Centers 0, 2 and 3 are alike, so are 1 and 5; nobody chose 4.
        centers: vec![0.0, 9.0, 0.1, 0.0, 5.0, 9.2],
    };
    let block = record::Block {
        number: 1,
        assigned_by: 1,
        soft: false,
        scattered: false,
        heads: vec![clusters],
    };
    let stage = record::Stage {
        number: 1,
        map: [2, 3],
        entry: record::Entry::Strided(2),
        blocks: vec![block],
    };
    let record = record::Record { input: [4, 6], stages: vec![stage], logits: vec![0.0] };
    let all = regions::Regions::of_head(&record, 0, 0, 0);
    assert_eq!((all.clusters.len(), all.centers), (5, 6));
    assert_eq!(all.labels[..6], [0, 0, 1, 1, 2, 2]);
    assert_eq!(all.labels[18..], [3, 3, 3, 3, 4, 4]);
    let two = all.merged(2, 0);
    let mut sizes: Vec<(usize, Vec<u32>)> =
        two.clusters.iter().map(|c| (c.pixels, c.centers.clone())).collect();
    sizes.sort();
    assert_eq!(sizes, [(8, vec![1, 5]), (16, vec![0, 2, 3])]);
    assert_eq!(all.merged(5, 0), all);
    let turned = two.ordered(&[1, 0]);
    assert_eq!(turned.clusters[0], two.clusters[1]);
    assert!(turned.labels.iter().zip(&two.labels).all(|(a, b)| a + b == 1));
}
