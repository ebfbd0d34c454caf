//! Parameters and multiply-accumulates of the published models, to the unit.

use crate::text::{check, check_file, root};
use cluec::graph::Graph;
use serde_json::Value;

/// Name, row of the measured counts, parameters, ptflops (the papers' convention), our MACs.
const MODELS: [(&str, &str, u64, u64, u64); 17] = [
    ("cluenet_micro", "t2_cluenet_micro", 3_017_908, 648_969_156, 673_801_472),
    ("cluenet_tiny", "t2_cluenet_tiny", 5_680_430, 1_302_729_440, 1_414_064_592),
    ("cluenet_small", "t2_cluenet_small", 15_048_840, 3_162_566_180, 3_259_847_936),
    ("cluenet_base", "t2_cluenet_base", 30_198_452, 6_398_015_012, 6_722_349_440),
    ("cluenet_cifar", "t1_cluenet", 3_016_788, 188_881_508, 188_609_536),
    ("coc_tiny", "t2_coc_tiny", 5_281_684, 1_117_121_556, 1_095_098_112),
    ("coc_small", "t2_coc_small", 14_195_324, 2_803_472_228, 2_776_138_752),
    ("coc_medium", "t2_coc_medium", 28_828_820, 5_960_194_916, 5_900_598_272),
    ("coc_cifar", "t1_coc", 2_722_068, 161_111_140, 157_582_336),
    ("fec_small", "t2_fec_small", 5_438_628, 1_380_884_244, 1_355_781_248),
    ("fec_base", "t2_fec_base", 14_625_148, 3_367_149_412, 3_335_475_712),
    ("fec_large", "t2_fec_large", 29_258_644, 6_547_956_580, 6_481_360_384),
    ("fec_cifar", "t1_fec", 2_830_484, 197_123_172, 192_975_872),
    ("clusterformer_mini", "t2_clusterformer_mini", 5_636_932, 1_239_237_396, 1_427_482_752),
    ("clusterformer_adj", "t2_clusterformer_adj", 15_013_372, 3_018_978_148, 3_189_764_608),
    ("clusterformer_tiny", "t2_clusterformer_tiny", 30_268_252, 5_578_155_364, 5_754_084_864),
    ("clusterformer_cifar", "t1_clusterformer", 2_915_604, 173_472_868, 188_863_488),
];

fn graph(name: &str) -> Graph {
    let text = check_file(&root().join(format!("models/{name}.clue")));
    assert!(!text.diags.has_errors(), "{}", text.reports());
    text.model(name).graph.clone().unwrap()
}

#[test]
fn published_models_count_to_the_unit() {
    for (name, _, params, ptflops, macs) in MODELS {
        let graph = graph(name);
        let cost = graph.cost();
        assert_eq!(
            (graph.param_count(), cost.ptflops, cost.macs),
            (params, ptflops, macs),
            "{name}"
        );
    }
}

/// The models were measured part by part on the published code, where that measurement is at hand.
#[test]
fn every_part_counts_as_measured() {
    let path = root().join("../shared/counts.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("no measured counts at {}: skipped", path.display());
        return;
    };
    let measured: Value = serde_json::from_str(&text).unwrap();
    for (name, row, ..) in MODELS {
        let (graph, row) = (graph(name), &measured["rows"][row]);
        assert_eq!(graph.param_count(), row["params_total"].as_u64().unwrap(), "{name}");
        assert_eq!(graph.cost().ptflops, row["macs"]["pytorch"].as_u64().unwrap(), "{name}");
        let modules = row["per_top_level_module"].as_object().unwrap();
        // Only CLUENet has a position term after its embedding.
        let own = if name.starts_with("cluenet") { 5 } else { 4 };
        assert_eq!(modules.len(), own, "{name}");
        for (module, counts) in modules {
            assert_eq!(part(&graph, module), counts["params"].as_u64().unwrap(), "{name} {module}");
            for (child, count) in counts["children"].as_object().into_iter().flatten() {
                let child = format!("{module}.{child}");
                assert_eq!(part(&graph, &child), count.as_u64().unwrap(), "{name} {child}");
            }
        }
    }
}

/// Parameters of a module of the published code.
fn part(graph: &Graph, module: &str) -> u64 {
    let prefix = format!("{module}.");
    let inside = graph.params.iter().filter(|p| p.published.starts_with(&prefix));
    inside.map(|p| p.elements() as u64).sum()
}

#[test]
fn every_published_model_expects_its_counts_and_shows_its_paper() {
    for (name, _, params, ptflops, _) in MODELS {
        let source = std::fs::read_to_string(root().join(format!("models/{name}.clue"))).unwrap();
        for (word, wrong) in [("params", params + 1), ("ptflops", ptflops + 1)] {
            let right = grouped(wrong - 1);
            let broken =
                source.replace(&format!("{word} {right}"), &format!("{word} {}", grouped(wrong)));
            assert_ne!(broken, source, "{name} expects no {word}");
            let text = check(&broken);
            // Some published models have parameters that never learn.
            let codes = text.codes().into_iter().filter(|code| *code != "W0502");
            assert_eq!(codes.collect::<Vec<_>>(), ["E0509"], "{name} {word}");
        }
        let paper = &check(&source).program.models[0].paper;
        assert!(paper.iter().any(|claim| claim.quantity == "top1"), "{name}");
    }
}

/// `5_680_430`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    let words: Vec<&str> = groups.iter().map(|g| std::str::from_utf8(g).unwrap()).collect();
    words.join("_")
}
