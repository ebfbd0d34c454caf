//! Records of the published models, held to the published assignments.

use crate::exec::{fixtures, json};
use crate::text::{check_file, root};
use cluec::exec::published::{Plains, from_published, read};
use cluec::exec::{cpu, reference};
use cluec::graph::Graph;
use cluec::graph::ops::AdaptivePool;
use cluec::see::record::{Clusters, Entry, Stage};
use cluec::see::{Record, Regions, look, positions};
use std::collections::{BTreeMap, BTreeSet};

/// A published model, the tensors of its file, and what it sees in the images of the file.
struct Case {
    name: String,
    tensors: Plains,
    records: Vec<Record>,
}

fn cases(folder: &str, text: &str) -> Vec<Case> {
    let Some(fixtures) = fixtures() else { return Vec::new() };
    let manifest = json(fixtures.join(folder).join("manifest.json"));
    let text = check_file(&root().join(text));
    let cases = manifest["cases"].as_object().unwrap().iter().map(|(name, case)| {
        let graph = text.model(name).graph.as_ref().unwrap();
        let tensors = read(&fixtures.join(folder).join(case["file"].as_str().unwrap())).unwrap();
        let records = records(graph, &tensors);
        Case { name: name.clone(), tensors, records }
    });
    cases.collect()
}

fn records(graph: &Graph, tensors: &Plains) -> Vec<Record> {
    let weights: Plains = tensors
        .iter()
        .filter_map(|(name, plain)| Some((name.strip_prefix("w.")?.to_string(), plain.clone())))
        .collect();
    let parameters = from_published(graph, &weights).unwrap();
    let x = &tensors["in.x"];
    let pixels = x.shape[2] * x.shape[3];
    let place = |i: usize| {
        let (image, rest) = (i / (3 * pixels), i % (3 * pixels));
        image * 3 * pixels + rest % 3 * pixels + rest / 3
    };
    let images: Vec<f32> = (0..x.data.len()).map(|i| x.data[place(i)]).collect();
    let seen = look(graph, &parameters, &images, cpu::observe).unwrap();
    let again = look(graph, &parameters, &images, reference::observe).unwrap();
    for (one, other) in seen.iter().zip(&again) {
        for (one, other) in one.stages.iter().zip(&other.stages) {
            assert_eq!(assignments(one), assignments(other), "{}", graph.name);
        }
    }
    seen
}

fn assignments(stage: &Stage) -> Vec<&Vec<u32>> {
    let pool = match &stage.entry {
        Entry::Clusters(pool) => Some(&pool.assignment),
        Entry::Strided(_) => None,
    };
    let heads = stage.blocks.iter().flat_map(|block| &block.heads);
    pool.into_iter().chain(heads.map(|head| &head.assignment)).collect()
}

/// Every assignment of a record under the name of its published module.
fn modules<'a>(record: &'a Record, blocks: &str) -> BTreeMap<String, Vec<&'a Clusters>> {
    let mut modules = BTreeMap::new();
    let mut module = 0;
    for (index, stage) in record.stages.iter().enumerate() {
        match &stage.entry {
            Entry::Clusters(pool) => {
                modules.insert(format!("network.{module}"), vec![pool]);
                module += 1;
            }
            Entry::Strided(stride) => module += usize::from(index > 0 && *stride > 1),
        }
        for block in &stage.blocks {
            let name = format!("network.{module}.{blocks}{}.token_mixer", block.number - 1);
            modules.insert(name, block.heads.iter().collect());
        }
        module += 1;
    }
    modules
}

/// As the published code has it: head after head, in a head window after window, centers counted
/// within the window, and of centers of one pooling bin the lowest.
fn published(heads: &[&Clusters], canonical: bool) -> Vec<f32> {
    let mut all = Vec::new();
    for head in heads {
        let [height, width] = [0, 1].map(|axis| head.map[axis] / head.windows[axis]);
        let [rows, columns] = [0, 1].map(|axis| head.grid[axis] / head.windows[axis]);
        let bins = |axis: usize| AdaptivePool::bins(head.map[axis], head.grid[axis]);
        let lowest = |axis: usize, at: usize| {
            bins(axis).iter().position(|bin| *bin == bins(axis)[at]).unwrap()
        };
        for window in 0..head.windows[0] * head.windows[1] {
            let (top, left) = (window / head.windows[1], window % head.windows[1]);
            for at in 0..height * width {
                let (row, column) = (top * height + at / width, left * width + at % width);
                let center = head.assignment[row * head.map[1] + column] as usize;
                let (mut i, mut j) = (center / head.grid[1], center % head.grid[1]);
                assert_eq!((i / rows, j / columns), (top, left), "a center of another window");
                if canonical {
                    (i, j) = (lowest(0, i), lowest(1, j));
                }
                all.push((i % rows * columns + j % columns) as f32);
            }
        }
    }
    all
}

#[test]
fn the_assignments_of_a_record_are_the_published_ones() {
    let mut compared = 0;
    for (folder, text) in
        [("cluenet", "tests/verify/cluenet.clue"), ("families", "tests/verify/families.clue")]
    {
        for Case { name, tensors, records } in cases(folder, text) {
            for (image, record) in records.iter().enumerate() {
                let blocks = if folder == "cluenet" { "blocks." } else { "" };
                for (module, heads) in modules(record, blocks) {
                    let canonical = tensors.get(&format!("assign_canon.{module}"));
                    let expected = canonical.or(tensors.get(&format!("assign.{module}")));
                    // Later blocks of a stage show what the first one made.
                    let Some(expected) = expected else { continue };
                    let part = expected.data.len() / records.len();
                    let found = published(&heads, canonical.is_some());
                    assert_eq!(found, expected.data[part * image..][..part], "{name} {module}");
                    compared += 1;
                }
            }
            let stored = tensors.keys().filter(|key| key.starts_with("assign.")).count();
            let blocks = if folder == "cluenet" { "blocks." } else { "" };
            let known = modules(&records[0], blocks);
            let shown = known.keys().filter(|m| tensors.contains_key(&format!("assign.{m}")));
            assert_eq!(shown.count(), stored, "{name}");
        }
    }
    assert!(fixtures().is_none() || compared > 80, "{compared}");
}

/// From each last position back to its pixels, by the stored assignments alone.
#[test]
fn receptive_fields_are_the_composition_of_the_poolings() {
    let mut composed = 0;
    for Case { name, tensors, records } in cases("cluenet", "tests/verify/cluenet.clue") {
        for (image, record) in records.iter().enumerate() {
            let [height, width] = record.input;
            let [rows, columns] = record.stages[0].map;
            // The pixels of every position of the first map.
            let mut fields: Vec<BTreeSet<usize>> = (0..rows * columns)
                .map(|at| {
                    let (row, column) = (at / columns, at % columns);
                    let (h, w) = (height / rows, width / columns);
                    (0..h * w).map(|i| (row * h + i / w) * width + column * w + i % w).collect()
                })
                .collect();
            let pools = tensors.iter().filter(|(key, _)| {
                key.strip_prefix("assign.network.").is_some_and(|rest| !rest.contains('.'))
            });
            let mut stages = vec![fields.clone()];
            let mut pools = pools.map(|(_, pool)| pool);
            for stage in &record.stages[1..] {
                // Without a pool the map enters the next stage as it is.
                let Entry::Clusters(_) = stage.entry else {
                    stages.push(fields.clone());
                    continue;
                };
                let pool = pools.next().unwrap();
                let part = pool.data.len() / records.len();
                let mut next = vec![BTreeSet::new(); stage.map[0] * stage.map[1]];
                for (at, center) in pool.data[part * image..][..part].iter().enumerate() {
                    let pixels = std::mem::take(&mut fields[at]);
                    next[*center as usize].extend(pixels);
                }
                fields = next;
                stages.push(fields.clone());
                composed += 1;
            }
            for (stage, fields) in stages.iter().enumerate() {
                let positions = positions(record, stage);
                for (position, field) in fields.iter().enumerate() {
                    let found = positions.iter().enumerate();
                    let found = found.filter(|(_, at)| **at as usize == position).map(|(i, _)| i);
                    assert!(found.eq(field.iter().copied()), "{name} stage {stage} {position}");
                }
            }
            assert!(pools.next().is_none(), "{name}");
            let regions = Regions::global(record);
            assert_eq!(regions.is_some(), record.has_cluster_pools(), "{name}");
            let Some(regions) = regions else { continue };
            let full: Vec<&BTreeSet<usize>> = fields.iter().filter(|f| !f.is_empty()).collect();
            assert_eq!(regions.clusters.len(), full.len(), "{name}");
            for (cluster, field) in full.into_iter().enumerate() {
                assert_eq!(regions.clusters[cluster].pixels, field.len());
                assert!(field.iter().all(|&pixel| regions.labels[pixel] as usize == cluster));
            }
        }
    }
    assert!(fixtures().is_none() || composed > 20, "{composed}");
}

/// What a stage shows of a pixel is the center of the pixel's position.
#[test]
fn a_stage_is_drawn_through_the_poolings_before_it() {
    for Case { name, records, .. } in cases("cluenet", "tests/verify/cluenet.clue") {
        let record = &records[0];
        for (stage, of) in record.stages.iter().enumerate() {
            let positions = positions(record, stage);
            for (head, clusters) in of.blocks[0].heads.iter().enumerate() {
                let regions = Regions::of_head(record, stage, 0, head);
                for (pixel, &label) in regions.labels.iter().enumerate() {
                    let center = clusters.assignment[positions[pixel] as usize];
                    let cluster = &regions.clusters[label as usize];
                    assert_eq!(cluster.centers, [center], "{name} stage {stage} head {head}");
                    assert_eq!(cluster.descriptor, clusters.center(center as usize));
                }
            }
        }
    }
}

#[test]
fn what_can_not_be_shown_is_said() {
    let remarks = |name: &str| -> Vec<String> {
        let cases = cases("families", "tests/verify/families.clue");
        let case = cases.into_iter().find(|case| case.name == name);
        case.map_or(Vec::new(), |case| case.records[0].remarks())
    };
    if fixtures().is_some() {
        let traced = "no pool has clusters: what a last position sees is not traced back to pixels";
        assert_eq!(remarks("coc_b"), [traced]);
        assert_eq!(remarks("fec_a"), [] as [&str; 0]);
        let raw = remarks("clusterformer_a");
        assert_eq!(raw[0], traced);
        assert!(raw[1].starts_with("the layout is raw: windows are "), "{raw:?}");
    }
}
