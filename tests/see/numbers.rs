//! What a cluster is worth, how clusters are used, how well they follow an object.

use cluec::exec::{Evaluator, ExecError, cpu, init};
use cluec::see::record::{Block, Clusters, Entry, Stage};
use cluec::see::{
    Cluster, Record, Regions, SeeError, Show, Sight, Statistics, Tally, contributions, look,
    overlap, probabilities,
};
use insta::assert_snapshot;

pub const TEXT: &str = "model tiny {
    input 8x8
    classes 3
    embed patches { kernel 3x3; stride 1; pad 1; coords on; norm layer; position dwconv }
    stages 2
    blocks 2 1
    width 8 12
    norm layer
    mixer cluster { grid 2x2; heads 2 3; head_width 4 }
    ffn mlp { ratio 2; depthwise 3x3 }
    pool icp
    head mean { norm layer }
}
";

/// A small model that learned nothing, and one image of it: a sight, and the image.
pub fn tiny() -> (Sight, Vec<f32>) {
    sight(&Show { ks: vec![2, 3, 99], ..Show::default() }).unwrap()
}

fn sight(show: &Show) -> Result<(Sight, Vec<f32>), SeeError> {
    let graph = crate::train::model(TEXT, &[]).graph.unwrap();
    let parameters = init::initialize(&graph, 3);
    let image: Vec<f32> = (0..192).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
    let record = look(&graph, &parameters, &image, cpu::observe)?.swap_remove(0);
    let mut evaluator = cpu::Compiled::evaluator(&graph, parameters, 1);
    Ok((Sight::of(record, &image, Some(1), show, &mut evaluator)?, image))
}

#[test]
fn a_record_tells_who_assigned() {
    let (sight, _) = tiny();
    let stages = &sight.record.stages;
    let by: Vec<usize> = stages[0].blocks.iter().map(|block| block.assigned_by).collect();
    assert_eq!(by, [1, 1]);
    assert_eq!(stages[0].blocks[0].heads[0].assignment, stages[0].blocks[1].heads[0].assignment);
    assert_ne!(stages[0].blocks[0].heads[0].centers, stages[0].blocks[1].heads[0].centers);
    assert_eq!(stages[0].entry, Entry::Strided(1));
    let Entry::Clusters(pool) = &stages[1].entry else { panic!("no cluster pooling") };
    assert_eq!((pool.map, pool.grid, pool.centers.len()), ([8, 8], [4, 4], 16 * 8));
    assert_eq!(stages[1].blocks[0].heads.len(), 3);
    assert_eq!(sight.record.remarks(), [] as [&str; 0]);
}

#[test]
fn what_is_asked_for_is_shown() {
    let names = |show: Show| -> Vec<[usize; 3]> {
        let (sight, _) = sight(&show).unwrap();
        sight.views.iter().map(|view| [view.stage, view.block, view.head]).collect()
    };
    let all = [[1, 1, 1], [1, 1, 2], [2, 1, 1], [2, 1, 2], [2, 1, 3]];
    assert_eq!(names(Show::default()), all);
    assert_eq!(names(Show { stage: Some(2), head: Some(3), ..Show::default() }), [[2, 1, 3]]);
    assert_eq!(names(Show { block: Some(2), ..Show::default() }), [[1, 2, 1], [1, 2, 2]]);
    let wrong = |show: Show| sight(&show).unwrap_err().to_string();
    let at = |stage, block, head| Show { stage, block, head, ..Show::default() };
    assert_eq!(wrong(at(Some(4), None, None)), "there is no stage 4; there is 1 and 2");
    assert_eq!(wrong(at(None, None, Some(4))), "there is no head 4; there are 3");
    assert_eq!(
        wrong(at(None, Some(9), None)),
        "there is no block 9 with clusters; there is 1 and 2"
    );
    assert_eq!(
        wrong(at(Some(2), Some(2), None)),
        "stage 2 has no block 2 with clusters; there is 1"
    );
}

#[test]
fn a_model_without_clusters_is_told_so() {
    let text = TEXT.replace("mixer cluster { grid 2x2; heads 2 3; head_width 4 }", "mixer off");
    let graph = crate::train::model(&text.replace("icp", "conv"), &[]).graph.unwrap();
    let parameters = init::initialize(&graph, 3);
    let error = look(&graph, &parameters, &[0.0; 192], cpu::observe).unwrap_err();
    assert_snapshot!(error.to_string(), @"this model has no assignment to show: no mixer and no pool of it has clusters");
    // Pools alone are enough.
    let graph = crate::train::model(&text, &[]).graph.unwrap();
    let parameters = init::initialize(&graph, 3);
    let record = look(&graph, &parameters, &[0.5; 192], cpu::observe).unwrap().swap_remove(0);
    assert_eq!(record.remarks(), ["no block of stage 1, 2 has clusters"]);
    assert!(Regions::global(&record).is_some());
}

/// Tells a class by the mean red of the leftmost two of twelve columns, against nothing.
struct Leftmost {
    images: usize,
}

impl Evaluator for Leftmost {
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        let logits = images.chunks(72 * 3).flat_map(|image| {
            self.images += 1;
            let red = (0..6).map(|row| image[row * 36] + image[row * 36 + 3]).sum::<f32>() / 12.0;
            [red, 0.0]
        });
        Ok(logits.collect())
    }
}

/// Half of an image of two halves; the class is told by the red of the left one alone.
#[test]
fn a_contribution_is_what_is_lost_and_what_is_kept() {
    let size = [6, 12];
    let labels: Vec<u32> = (0..72).map(|at| u32::from(at % 12 >= 6)).collect();
    let cluster = || Cluster { centers: vec![0], descriptor: vec![], pixels: 36 };
    let regions =
        Regions { size, labels: labels.clone(), clusters: vec![cluster(), cluster()], centers: 2 };
    let image: Vec<f32> =
        labels.iter().flat_map(|&l| [if l == 0 { 2.0 } else { 0.0 }, 0.0, 0.0]).collect();
    let mut classifier = Leftmost { images: 0 };
    let found = contributions(&regions, &image, 0, &mut classifier).unwrap();
    assert_eq!(classifier.images, 5);
    let p = |red: f32| probabilities(&[red, 0.0])[0];
    // Without the left half: its mean, 1, everywhere in it. The left half alone is left as it is.
    assert!((found[0].drop - (p(2.0) - p(1.0))).abs() < 1e-6, "{found:?}");
    assert!((found[0].keep - p(2.0)).abs() < 1e-6, "{found:?}");
    // The right half tells nothing; alone, the left is blurred, and its edge is near enough to lose.
    assert!(found[1].drop.abs() < 1e-6, "{found:?}");
    assert!(found[1].keep < p(1.95) && found[1].keep > p(1.0), "{found:?}");
    for worth in found {
        assert!((worth.score - 0.5 * (worth.drop + worth.keep)).abs() < 1e-12);
    }
}

#[test]
fn contributions_order_the_clusters_and_their_colors() {
    let (sight, _) = tiny();
    for global in &sight.globals {
        let scores: Vec<f64> = global.contributions.iter().map(|c| c.score).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        assert_eq!(scores.len(), global.regions.clusters.len());
    }
    let finest = sight.globals.last().unwrap();
    assert!(finest.colors.iter().enumerate().all(|(i, &color)| i == color));
    assert_eq!(sight.globals.iter().map(|g| g.k).collect::<Vec<_>>(), [2, 3, 99]);
}

fn clusters(assignment: &[u32], grid: [usize; 2], windows: [usize; 2]) -> Clusters {
    let centers = vec![0.0; grid[0] * grid[1]];
    Clusters { map: [2, 4], grid, windows, assignment: assignment.to_vec(), centers }
}

fn record(heads: Vec<Clusters>) -> Record {
    let block = Block { number: 1, assigned_by: 1, soft: false, scattered: false, heads };
    let stage = Stage { number: 1, map: [2, 4], entry: Entry::Strided(1), blocks: vec![block] };
    Record { input: [2, 4], stages: vec![stage], logits: vec![0.0] }
}

fn statistics(records: &[Record]) -> Statistics {
    let mut tally = Tally::default();
    records.iter().for_each(|record| tally.add(record));
    tally.finish()
}

#[test]
fn statistics_of_two_images() {
    let head = |assignment: &[u32]| clusters(assignment, [2, 2], [1, 1]);
    let even = [0, 0, 1, 1, 2, 2, 3, 3];
    let records = [
        record(vec![head(&even), head(&[0; 8])]),
        record(vec![head(&[0, 0, 0, 0, 1, 1, 1, 1]), head(&[0; 8])]),
    ];
    let found = statistics(&records);
    let [first, second] = &found.parts[0].heads[..] else { panic!("two heads") };
    // Four of four, then two of four; entropies of 2 bits and 1 bit of 2.
    assert_eq!((first.occupancy, first.dead, first.entropy), (0.75, 0, 0.75));
    assert!((first.effective - 8f64.sqrt()).abs() < 1e-12);
    assert_eq!((second.occupancy, second.dead, second.entropy), (0.25, 3, 0.0));
    // One division of all and no division agree by chance.
    assert_eq!(found.parts[0].agreement, Some(0.0));
    assert_eq!(found.collapsed(), ["stage1.block1 head 2"]);
    let scalars: Vec<String> =
        found.scalars().iter().map(|(name, value)| format!("{name} {value}")).collect();
    assert_eq!(
        scalars,
        [
            "stage1.block1.occupancy 0.5",
            "stage1.block1.entropy 0.375",
            "stage1.block1.dead 3",
            "stage1.block1.agreement 0",
        ]
    );
}

/// In windows clusters are compared with those of their own window.
#[test]
fn statistics_of_windows() {
    // Two windows of two centers: one evenly, one not at all divided.
    let found = statistics(&[record(vec![clusters(&[0, 1, 2, 2, 0, 1, 2, 2], [1, 4], [1, 2])])]);
    let head = &found.parts[0].heads[0];
    assert_eq!((head.centers, head.windows), (4, 2));
    assert_eq!((head.occupancy, head.dead, head.entropy), (0.75, 1, 0.5));
    assert_eq!(found.parts[0].agreement, None);
    // In effect two centers and one: the mean of the entropies, half a bit.
    assert!((head.effective - 2f64.sqrt()).abs() < 1e-12);
    let table = found.table();
    let row = &table.rows()[0];
    assert_eq!([&row[2], &row[3], &row[7]], ["2", "2 each", "1.4 each"]);
    assert_eq!(found.collapsed(), ["stage1.block1"]);
    // One center a window is all there could be.
    let whole = record(vec![clusters(&[0, 0, 1, 1, 0, 0, 1, 1], [1, 2], [1, 2])]);
    assert_eq!(statistics(&[whole]).collapsed(), [] as [&str; 0]);
}

#[test]
fn overlap_with_an_object() {
    let labels = vec![0, 0, 1, 1, 1, 2, 2, 2, 2, 2];
    let mask = [1, 1, 1, 1, 0, 1, 0, 0, 0, 0];
    let cluster = |pixels| Cluster { centers: vec![0], descriptor: vec![], pixels };
    let clusters = vec![cluster(2), cluster(3), cluster(5)];
    let regions = Regions { size: [1, 10], labels, clusters, centers: 3 };
    let found = overlap(&regions, &mask);
    // Two of five for each of the first two alone (the second has one outside); four of six for both.
    assert_eq!((found.cluster, found.union), (2.0 / 5.0, 4.0 / 6.0));
    assert_eq!(overlap(&regions, &[0; 10]).union, 0.0);
}
