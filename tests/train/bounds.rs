//! Numbers larger than anybody means are refused, by every verb at the same bound.

use super::Bench;

#[test]
fn huge_numbers_are_refused_everywhere() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 1");
    let verbs = [
        ("--threads", "4096", "train tiny.clue"),
        ("--threads", "4096", "eval run"),
        ("--threads", "4096", "predict run image.png"),
        ("--threads", "4096", "verify-resume tiny.clue"),
        ("--threads", "4096", "bench tiny.clue"),
        ("--threads", "4096", "check tiny.clue"),
        ("--threads", "4096", "see run"),
        ("--threads", "4096", "report run"),
        ("--workers", "4096", "train tiny.clue"),
        ("--batch", "16777216", "train tiny.clue"),
        ("--batch", "16777216", "eval run"),
        ("--batch", "16777216", "bench tiny.clue"),
        ("--batch", "16777216", "check tiny.clue"),
        ("--steps", "4294967295", "train tiny.clue"),
        ("--steps", "4294967295", "lr tiny.clue"),
        ("--steps", "4294967295", "verify-resume tiny.clue"),
        ("--steps", "4294967295", "bench tiny.clue --mode infer"),
    ];
    for (flag, most, verb) in verbs {
        for number in ["100000000000", "18446744073709551615"] {
            let ran = bench.run(&format!("{verb} {flag} {number}"));
            assert_eq!(ran.code, Some(2), "{verb} {flag}: {}", ran.err);
            let bound = format!("..={most}");
            assert!(ran.err.contains(&bound), "{verb} {flag}: {}", ran.err);
        }
    }
    // Up to it a batch takes no more room than there are images.
    bench.fine("eval run --batch 16777216");
}
