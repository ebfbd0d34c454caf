//! Memory that a training needs, held to what is left before it begins.

use super::Bench;

/// More than any machine has.
const SETS: &str = "--set input=512x512 --set data.size=512x512 --set data.train.crop.size=512x512 \
                    --set data.train_images=16777216";

fn refused(bench: &Bench, arguments: &str, says: &[&str]) {
    let ran = bench.run(arguments);
    assert_eq!(ran.code, Some(1), "{arguments}: {}{}", ran.out, ran.err);
    let all =
        ["E0520", "a batch of 16_777_216 images takes ", "TiB of memory, and ", "so many images"];
    for told in all.iter().chain(says) {
        assert!(ran.err.contains(told), "{arguments}: {told}: {}", ran.err);
    }
    assert!(!bench.path("runs/tiny").exists(), "{arguments}");
    assert!(!bench.path("runs/tiny/tiny-5").exists(), "{arguments}");
}

#[test]
fn a_batch_that_does_not_fit_is_refused_where_it_is_said() {
    let bench = Bench::new();
    let by_flag = format!("train tiny.clue {SETS} --batch 16777216");
    refused(&bench, &by_flag, &["--batch:1:", "help: write `--batch "]);
    let by_set = format!("train tiny.clue {SETS} --set recipe.batch=16777216");
    refused(&bench, &by_set, &["--set:1:", "help: write `recipe.batch="]);
    let text = std::fs::read_to_string(bench.path("tiny.clue")).unwrap();
    let text = text.replace("batch 8", "batch 16_777_216");
    std::fs::write(bench.path("tiny.clue"), text).unwrap();
    let says = ["tiny.clue:21:", "help: write `batch ", "` or less"];
    refused(&bench, &format!("train tiny.clue {SETS}"), &says);
    refused(&bench, &format!("lr tiny.clue {SETS}"), &says);
    refused(&bench, &format!("verify-resume tiny.clue {SETS}"), &says);
}

#[test]
fn cases_that_do_not_fit_are_refused_one_by_one() {
    let bench = Bench::new();
    let text = "use \"tiny.clue\"

ablation x of tiny {
    case large {
        recipe.batch 16_777_216
        input        512x512
        data         { size 512x512; train.crop.size 512x512; train_images 16_777_216 }
    }
}
";
    std::fs::write(bench.path("x.clue"), text).unwrap();
    let ran = bench.run("ablate x.clue --train --steps 1");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    for told in
        ["x.large-5 failed: a batch of 16_777_216 images", "x.clue:5:", "large, seed 5: a batch of"]
    {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    assert!(bench.path("runs/x/tiny-5/last.safetensors").is_file(), "{}", ran.err);
    assert!(!bench.path("runs/x/x.large-5").exists());
}

#[test]
fn cases_that_do_not_fit_for_one_batch_are_told_together() {
    let bench = Bench::new();
    let text = std::fs::read_to_string(bench.path("tiny.clue")).unwrap();
    let text = text.replace("batch 8", "batch 16_777_216");
    let large =
        "input 512x512; data { size 512x512; train.crop.size 512x512; train_images 16_777_216 }";
    let text = format!(
        "{text}\nablation x of tiny {{\n    case large {{ {large} }}\n    case wide {{ {large}; width 16 }}\n}}\n"
    );
    std::fs::write(bench.path("tiny.clue"), text).unwrap();
    let ran = bench.run("ablate tiny.clue --train --steps 1 --seeds 2");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    for told in [
        "x.large-5 failed: a batch of",
        "x.large-6 failed: a batch of",
        "x.wide-5 failed: a batch of",
        "x.wide-6 failed: a batch of",
        "x.large: a batch of",
        "likewise in",
        "`x.wide`",
        "write `batch ",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    assert_eq!(ran.err.matches("E0520").count(), 1, "{}", ran.err);
}
